"""What the Compose specification says of the keys that docker-compose.yml uses. A key that is not here is a fault."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.compose.compose_file import VARIABLE, seconds

Check = Callable[[Any], bool]

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
PORT = re.compile(r"(?:(?:\d{1,3}\.){3}\d{1,3}:)?(?:\d+:)?\d+(?:/(?:tcp|udp))?")
BYTES = re.compile(r"\d+(?:b|k|kb|m|mb|g|gb)", re.IGNORECASE)
SIGNAL = re.compile(r"SIG[A-Z0-9]+")
RESTARTS = ("no", "always", "on-failure", "unless-stopped")
CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")


def text(value: Any) -> bool:
    return isinstance(value, str)


def texts(value: Any) -> bool:
    return isinstance(value, list) and all(text(item) for item in value)


def distinct_texts(value: Any) -> bool:
    return texts(value) and len(set(value)) == len(value)


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def number(value: Any) -> bool:
    return isinstance(value, int) and not flag(value)


def duration(value: Any) -> bool:
    try:
        return text(value) and seconds(value) > 0
    except ValueError:
        return False


def matching(pattern: re.Pattern[str]) -> Check:
    return lambda value: text(value) and bool(pattern.fullmatch(value))


def one_of(*values: str) -> Check:
    return lambda value: value in values


def variables(value: Any) -> bool:
    """Values are text: what YAML reads as a number or a truth would be written anew, perhaps differently."""
    return isinstance(value, dict) and all(text(name) and text(given) for name, given in value.items())


def ports(value: Any) -> bool:
    return distinct_texts(value) and all(PORT.fullmatch(_with_defaults(port)) for port in value)


def check_command(value: Any) -> bool:
    """CMD and its words, or CMD-SHELL and one line for the shell."""
    return texts(value) and len(value) > 1 and (value[0] == "CMD" or (value[0] == "CMD-SHELL" and len(value) == 2))


def keys(checks: Mapping[str, Check]) -> Check:
    return lambda value: isinstance(value, dict) and all(key in checks and checks[key](value[key]) for key in value)


def mapping(check: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(NAME.fullmatch(name) and check(value[name]) for name in value)


def empty_or(check: Check) -> Check:
    return lambda value: value is None or check(value)


DEPENDENCY = {"condition": one_of(*CONDITIONS), "required": flag, "restart": flag}
HEALTH_CHECK: dict[str, Check] = {
    "test": check_command,
    "interval": duration,
    "timeout": duration,
    "retries": number,
    "start_period": duration,
    "start_interval": duration,
}
BIND: dict[str, Check] = {
    "type": one_of("bind"),
    "source": text,
    "target": text,
    "read_only": flag,
    "bind": keys({"create_host_path": flag}),
}
SERVICE: dict[str, Check] = {
    "image": text,
    "build": text,
    "command": texts,
    "cap_drop": distinct_texts,
    "depends_on": mapping(lambda value: keys(DEPENDENCY)(value) and "condition" in value),
    "environment": variables,
    "healthcheck": keys(HEALTH_CHECK),
    "hostname": matching(NAME),
    "init": flag,
    "logging": keys({"driver": text, "options": variables}),
    "networks": distinct_texts,
    "ports": ports,
    "profiles": distinct_texts,
    "read_only": flag,
    "restart": one_of(*RESTARTS),
    "security_opt": distinct_texts,
    "shm_size": matching(BYTES),
    "stop_grace_period": duration,
    "stop_signal": matching(SIGNAL),
    "tmpfs": distinct_texts,
    "volumes": lambda value: isinstance(value, list) and all(text(item) or keys(BIND)(item) for item in value),
}
TOP: dict[str, Check] = {
    "name": matching(re.compile(r"[a-z0-9][a-z0-9_-]*")),
    "services": mapping(lambda value: isinstance(value, dict) and "image" in value),
    "networks": mapping(empty_or(keys({"internal": flag}))),
    "volumes": mapping(empty_or(keys({}))),
}


def faults(document: Mapping[str, Any]) -> list[str]:
    """What the specification would refuse in this document, which is as written: not interpolated."""
    return [*_top_level(document), *_interpolations(document), *_services(document)]


def _top_level(document: Mapping[str, Any]) -> Iterator[str]:
    for key, value in document.items():
        if not key.startswith("x-") and (key not in TOP or not TOP[key](value)):
            yield f"{key}: unknown or wrong"


def _interpolations(node: Any, where: str = "the file") -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _interpolations(value, f"{where} > {key}")
    elif isinstance(node, list):
        for item in node:
            yield from _interpolations(item, where)
    elif text(node) and "$" in VARIABLE.sub("", node):
        yield f"{where}: a `$` that begins no variable"


def _services(document: Mapping[str, Any]) -> Iterator[str]:
    services = document["services"]
    for name, service in services.items():
        for key, value in service.items():
            if key not in SERVICE or not SERVICE[key](value):
                yield f"{name}.{key}: unknown or wrong"
        yield from (f"{name}: {fault}" for fault in _references(service, document))
        yield from (f"{name}: {fault}" for fault in _dependencies(name, services))


def _references(service: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    for network in service.get("networks", []):
        if network not in document.get("networks", {}):
            yield f"the network {network} is not declared"
    for volume in service.get("volumes", []):
        if text(volume) and volume.split(":")[0] not in document.get("volumes", {}):
            yield f"the volume {volume} is not declared"


def _dependencies(name: str, services: Mapping[str, Any]) -> Iterator[str]:
    own = set(services[name].get("profiles", []))
    for other, how in services[name].get("depends_on", {}).items():
        if other not in services:
            yield f"depends on {other}, which is no service"
            continue
        theirs = set(services[other].get("profiles", []))
        if theirs and not (own and own <= theirs) and how.get("required", True):
            yield f"depends on {other}, which a profile may leave out"
        if how.get("condition") == "service_healthy" and "healthcheck" not in services[other]:
            yield f"waits for the health of {other}, which has no check"
        if name in _all_before(other, services):
            yield f"waits for {other}, which waits for it"


def _all_before(name: str, services: Mapping[str, Any]) -> set[str]:
    """Every service that `name` waits for, at any remove."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = set(services.get(waiting.pop(), {}).get("depends_on", {})) - found
        found |= new
        waiting.extend(new)
    return found


def _with_defaults(value: str) -> str:
    return VARIABLE.sub(lambda match: match["default"] or "", value)
