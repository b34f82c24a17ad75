"""Schemathesis, all checks, against the served document: what is described is what is served, and nothing breaks it.

Examples, generated values and chains of operations in `make test`; in `make fuzz` more of them, and every combination
at the bounds of each body, which are some ten thousand.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hardware_orders.api.authentication import Role
from tests.system import System

ROOT = Path(__file__).parents[2]
# Of each operation, and of the chains; `make fuzz` sets it.
EXAMPLES = "HARDWARE_ORDERS_TEST_FUZZ_EXAMPLES"
EXAMPLES_DEFAULT = "10"
# More than a run at length takes; it ends one that hangs.
RUN_SECONDS = 3600
# Their bodies have so many bounds that all combinations take minutes.
LARGE_BODIES = ("addHardwareOrder", "previewHardwareOrder", "replaceHardwareOrder")

IS_AT_LENGTH = EXAMPLES in os.environ
BOUNDED = () if IS_AT_LENGTH else ("--generation-deterministic",)
SMALLER = () if IS_AT_LENGTH else tuple(f"--exclude-operation-id={name}" for name in LARGE_BODIES)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--phases=examples,fuzzing,stateful", "--max-examples", os.environ.get(EXAMPLES, EXAMPLES_DEFAULT), *BOUNDED),
        ("--phases=coverage", *SMALLER),
    ],
    ids=["values", "bounds"],
)
def test_no_check_fails(system: System, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", f"{ROOT}/tests/fuzz/schemathesis.toml", "run"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FUZZ_TOKEN": system.token(roles=tuple(Role))}
    result = subprocess.run(
        [*command, f"{system.url}/openapi.json", "--no-color", *arguments],
        cwd=tmp_path,  # where it keeps what it found
        env=environment,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    print(result.stdout)  # noqa: T201  # pytest shows it when the test fails
    assert result.returncode == 0, result.stderr
