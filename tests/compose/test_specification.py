"""docker-compose.yml is what the Compose specification allows, and the rules that say so see what it does not allow."""

import copy
from typing import Any

import pytest

from tests.compose.compose_file import interpolated, seconds, written
from tests.compose.specification import faults


def test_the_file_keeps_to_the_specification() -> None:
    assert faults(written()) == []


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("version", "3", "version: unknown or wrong"),
        ("volumes.redis", {"size": "1g"}, "volumes: unknown or wrong"),
        ("services.api.comand", ["api"], "api.comand: unknown or wrong"),
        ("services.api.command", ["api", 1], "api.command: unknown or wrong"),
        ("services.api.environment.HARDWARE_ORDERS_PORT", 8000, "api.environment: unknown or wrong"),
        ("services.api.ports", ["127.0.0.1:http:8000"], "api.ports: unknown or wrong"),
        ("services.api.restart", False, "api.restart: unknown or wrong"),
        ("services.api.stop_grace_period", "20", "api.stop_grace_period: unknown or wrong"),
        ("services.api.healthcheck.interval", "10 s", "api.healthcheck: unknown or wrong"),
        ("services.api.healthcheck.test", ["python", "-V"], "api.healthcheck: unknown or wrong"),
        ("services.api.depends_on.migrate.condition", "service_done", "api.depends_on: unknown or wrong"),
        ("services.api.depends_on.mirgate", {"condition": "service_started"}, "api: depends on mirgate, which is no"),
        ("services.api.depends_on.rabbitmq.required", True, "api: depends on rabbitmq, which a profile may leave out"),
        ("services.api.depends_on.migrate.condition", "service_healthy", "api: waits for the health of migrate"),
        ("services.redis.depends_on", {"api": {"condition": "service_started"}}, "redis: waits for api, which waits"),
        ("services.api.networks", ["store"], "api: the network store is not declared"),
        ("services.api.volumes", ["keys:/keys"], "api: the volume keys:/keys is not declared"),
        ("services.api.image", "hardware-orders:$TAG", "the file > services > api > image: a `$`"),
        ("services.api.image", "hardware-orders:${TAG-1}", "the file > services > api > image: a `$`"),
    ],
)
def test_a_fault_is_seen(path: str, value: Any, fault: str) -> None:
    document = copy.deepcopy(written())
    *way, last = path.split(".")
    node = document
    for key in way:
        node = node[key]
    node[last] = value
    assert [found for found in faults(document) if found.startswith(fault)]


def test_variables_have_their_value_or_their_default() -> None:
    text = "${A}-${B:-b}-${C:-}-$${D}"
    assert interpolated({"k": [text, 1]}, {"A": "a", "C": "c"}) == {"k": ["a-b-c-${D}", 1]}
    assert interpolated(text, {"B": ""}) == "-b--${D}", "an empty variable counts as none"


def test_durations_are_in_seconds() -> None:
    assert [seconds(text) for text in ("20s", "1m30s", "2h")] == [20, 90, 7200]
