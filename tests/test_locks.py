"""The lock files: every package pinned and hashed, and nothing of the machine that wrote them."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUNTIME = ROOT / "requirements.lock"
DEVELOPMENT = ROOT / "requirements-dev.lock"

PIN = re.compile(r"([a-z0-9][a-z0-9-]*)(?:\[[a-z0-9,-]+\])?==[0-9][0-9a-z.+!]*( ; [a-z_]+ [^\\/@]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def pins(lock: Path) -> dict[str, str]:
    """The pinned line of each package. A package may be there twice, each time for other machines."""
    return {match[1]: line for line in lock.read_text().splitlines() if (match := PIN.fullmatch(line))}


def locked_lines(lock: Path) -> set[str]:
    return {line for line in lock.read_text().splitlines() if PIN.fullmatch(line)}


def required() -> dict[str, list[str]]:
    """The names that pyproject.toml asks for, by lock file."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, groups = content["project"], content["dependency-groups"]
    runtime = [*project["dependencies"], *project["optional-dependencies"]["embedded"], *groups["build"]]
    lists = {RUNTIME.name: runtime, DEVELOPMENT.name: [*runtime, *groups["dev"]]}
    return {lock: [re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in lines] for lock, lines in lists.items()}


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT], ids=lambda lock: lock.name)
def test_a_lock_is_pins_and_hashes_and_nothing_else(lock: Path) -> None:
    lines = lock.read_text().splitlines()
    faults = [
        f"{lock.name}:{number} {line}"
        for number, line in enumerate(lines, 1)
        if not (PIN.fullmatch(line) or HASH.fullmatch(line))
    ]
    assert not faults, "neither a pin nor a hash, such as a URL, a path or an index; run `make lock`"


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT], ids=lambda lock: lock.name)
def test_every_pin_has_a_hash(lock: Path) -> None:
    lines = lock.read_text().splitlines()
    bare = [
        line
        for line, below in zip(lines, [*lines[1:], ""], strict=True)
        if PIN.fullmatch(line) and "--hash" not in below
    ]
    assert bare == []


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT], ids=lambda lock: lock.name)
def test_a_lock_has_all_that_the_project_requires(lock: Path) -> None:
    names = required()[lock.name]
    assert names
    assert [name for name in names if name.replace("_", "-") not in pins(lock)] == [], "run `make lock`"


def test_tests_run_with_the_versions_that_the_system_runs_with() -> None:
    assert locked_lines(RUNTIME) - locked_lines(DEVELOPMENT) == set()
