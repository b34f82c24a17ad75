"""Packages that a library takes up wherever they are installed, and that do nothing for it here."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_out(package: str) -> Iterator[None]:
    """Whoever is imported within the block finds that `package` is not there; afterwards it is as it was."""
    before = sys.modules.get(package)
    sys.modules[package] = None  # type: ignore[assignment]  # documented: an import of it is a ModuleNotFoundError
    try:
        yield
    finally:
        if before is None:
            del sys.modules[package]
        else:
            sys.modules[package] = before
