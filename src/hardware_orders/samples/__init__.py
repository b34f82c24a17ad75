"""Invented customers, their portfolios and a few orders of theirs: what `demo` and the embedded default begin with.

Telephone numbers are from ranges kept free for fiction, mail addresses end in example.com, and nobody here exists.
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any


def portfolios_path() -> Path:
    """The portfolio file of four customers: `{"portfolios": [Portfolio, ...]}`."""
    return Path(str(files(__name__) / "portfolios.yaml"))


def orders() -> list[dict[str, Any]]:
    """The sample orders, each `{"title", "steps": [{"do", "saveDraft", "simplified", "body"}, ...]}`.

    `do` is create, replace, submit or cancel; a step without `saveDraft` or `simplified` means false, and a submission
    has no `body`.
    """
    samples: list[dict[str, Any]] = json.loads((files(__name__) / "orders.json").read_text(encoding="utf-8"))
    return samples
