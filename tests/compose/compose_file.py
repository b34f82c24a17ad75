"""docker-compose.yml and the Dockerfile as the tests read them: variables, durations and instructions resolved."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"
OUR_IMAGE = "hardware-orders"

# `$$` is a dollar; of the forms with braces this project uses two: a value, and a value with its default.
VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^${}]*))?\})")
DURATION = re.compile(r"(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def written() -> dict[str, Any]:
    """The document as it is written, aliases and merge keys resolved."""
    document: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())
    return document


def interpolated(node: Any, environment: Mapping[str, str]) -> Any:
    """`node` with its variables replaced. Raises ValueError for a `$` that begins none."""
    if isinstance(node, dict):
        return {key: interpolated(value, environment) for key, value in node.items()}
    if isinstance(node, list):
        return [interpolated(item, environment) for item in node]
    if not isinstance(node, str):
        return node
    if "$" in VARIABLE.sub("", node):
        raise ValueError(f"not a variable: {node}")
    return VARIABLE.sub(lambda match: "$" if match["dollar"] else _value(match, environment), node)


def _value(match: re.Match[str], environment: Mapping[str, str]) -> str:
    return environment.get(match["name"]) or match["default"] or ""


def services(environment: Mapping[str, str], profiles: frozenset[str] = frozenset()) -> dict[str, dict[str, Any]]:
    """The services that `docker compose --profile … up` starts with this environment."""
    document = interpolated(written(), environment)
    return {
        name: service
        for name, service in document["services"].items()
        if not service.get("profiles") or profiles.intersection(service["profiles"])
    }


def is_ours(service: Mapping[str, Any]) -> bool:
    return str(service["image"]).split(":")[0] == OUR_IMAGE


def seconds(duration: str) -> int:
    """`1m30s` is 90. Raises ValueError."""
    match = DURATION.fullmatch(duration)
    if not match:
        raise ValueError(f"not a duration: {duration}")
    hours, minutes, rest = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest


def instructions() -> Iterator[tuple[str, str]]:
    """(instruction, rest of the line) of the Dockerfile, continued lines joined and comments left out."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            word, rest = line.split(maxsplit=1)
            yield word, " ".join(rest.split())


def image() -> dict[str, Any]:
    """What the image's last stage says of how it is run: entrypoint, env, stop signal and user."""
    last: dict[str, Any] = {"env": {}}
    for word, rest in instructions():
        if word == "FROM":
            last = {"env": {}}
        elif word == "ENV":
            last["env"] |= dict(pair.split("=", 1) for pair in rest.split())
        elif word == "ENTRYPOINT":
            last["entrypoint"] = json.loads(rest)
        elif word in ("STOPSIGNAL", "USER"):
            last[word.lower()] = rest
    return last
