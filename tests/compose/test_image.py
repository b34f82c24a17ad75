"""The Dockerfile, as far as it holds without an engine: what it starts from, what it installs, and as whom it runs."""

import fnmatch
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from tests.compose.compose_file import ROOT, image, instructions

BASE = re.compile(r"python:3\.11\.\d+-slim-bookworm( AS [a-z]+)?")
WHEEL_SECONDS = 60


def runs() -> list[str]:
    return [rest for word, rest in instructions() if word == "RUN"]


def copied() -> list[str]:
    """What the build takes from the context."""
    lines = [rest.split() for word, rest in instructions() if word == "COPY" and not rest.startswith("--from")]
    return [source for *sources, _ in lines for source in sources]


def test_both_stages_start_from_one_pinned_release() -> None:
    bases = [rest for word, rest in instructions() if word == "FROM"]
    assert all(BASE.fullmatch(base) for base in bases)
    assert len(bases) == 2
    assert len({base.split()[0] for base in bases}) == 1


def test_everything_installed_comes_hash_checked_from_the_lock() -> None:
    installs = re.findall(r"pip (?:install|wheel)[^&]*", " && ".join(runs()))
    assert [line.strip() for line in installs] == [
        "pip install --require-hashes -r requirements.lock",
        "pip wheel --no-build-isolation --no-deps --wheel-dir wheels .",
        "pip install --no-deps wheels/*.whl",
    ]


def test_it_runs_the_command_of_the_package_and_not_as_root() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert image()["entrypoint"] == list(scripts)
    assert image()["user"] == "10001:10001"
    assert image()["stopsignal"] == "SIGTERM"
    assert image()["env"]["REMAP_SIGTERM"] == "SIGQUIT"


def test_only_the_installed_packages_come_over_from_the_build() -> None:
    last = "\n".join(f"{word} {rest}" for word, rest in instructions()).split("FROM ")[-1]
    assert re.findall(r"^(?:COPY|ADD) (.*)", last, re.MULTILINE) == [
        "--from=build /opt/hardware-orders /opt/hardware-orders"
    ]


def test_the_context_holds_what_is_copied_and_nothing_else() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == {source.removeprefix("./") for source in copied()}


def test_the_wheel_that_is_built_from_the_context_holds_the_whole_project(tmp_path: Path) -> None:
    for source in copied():
        _copy(ROOT / source, tmp_path / source)
    (words,) = (line.split(" && ")[0].split() for line in runs() if line.startswith("pip wheel"))
    subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, check=True, capture_output=True, timeout=WHEEL_SECONDS)
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == {*_files(ROOT / "src"), *_files(ROOT, "workers")}


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    else:
        shutil.copy(source, target)


def _files(folder: Path, package: str = "") -> set[str]:
    found = (path.relative_to(folder).as_posix() for path in (folder / package).rglob("*") if path.is_file())
    return {name for name in found if not fnmatch.fnmatch(name, "*__pycache__*") and ".egg-info/" not in name}
