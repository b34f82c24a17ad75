"""What docker-compose.yml must hold beyond the specification: what is pinned, who is reached, who may do what."""

import re
from pathlib import Path
from typing import Any

import pytest

from hardware_orders import __version__
from hardware_orders.embedded import system
from hardware_orders.portfolio.document import read_document
from hardware_orders.portfolio.portfolio import parse_portfolios
from hardware_orders.settings import PREFIX, Settings
from tests.compose.compose_file import COMPOSE_FILE, ROOT, is_ours, seconds, services, written

ALL = services({}, frozenset({"rabbitmq", "flower", "monitoring"}))
OURS = {name: service for name, service in ALL.items() if is_ours(service)}
STORES = {"postgres", "redis", "rabbitmq"}
MONITORING = {"prometheus", "grafana"}
PINNED = re.compile(r"[a-z0-9/-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9]+)*")


def test_these_are_the_services() -> None:
    assert set(OURS) == {"migrate", "api", "worker", "relay"}
    assert set(ALL) - set(OURS) == STORES | {"flower"} | MONITORING
    assert set(services({})) == set(ALL) - {"rabbitmq", "flower"} - MONITORING


@pytest.mark.parametrize("name", ALL)
def test_an_image_is_pinned(name: str) -> None:
    assert PINNED.fullmatch(ALL[name]["image"])


def test_our_image_is_of_this_version() -> None:
    assert {service["image"] for service in OURS.values()} == {f"hardware-orders:{__version__}"}
    assert {service["build"] for service in OURS.values()} == {"."}


def test_only_what_people_open_is_published_and_on_loopback_alone() -> None:
    published = {name: service["ports"] for name, service in ALL.items() if "ports" in service}
    assert published == {
        "api": ["127.0.0.1:8000:8000"],
        "flower": ["127.0.0.1:5555:5555"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3000:3000"],
    }
    assert ALL["api"]["environment"]["HARDWARE_ORDERS_PORT"] == "8000"


def test_stores_are_on_a_network_without_a_way_out() -> None:
    networks = written()["networks"]
    assert networks["stores"]["internal"] is True
    assert {name: ALL[name]["networks"] for name in STORES} == {name: ["stores"] for name in STORES}
    assert {name: ALL[name]["networks"] for name in MONITORING} == {name: ["published"] for name in MONITORING}


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_do_no_more_than_they_must(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", OURS)
def test_what_a_service_reads_or_writes_is_mounted(name: str) -> None:
    service = OURS[name]
    paths = [value.removeprefix("file:") for value in service["environment"].values() if re.match(r"(file:)?/", value)]
    mounts = [*service["tmpfs"], *(target(volume) for volume in service.get("volumes", []))]
    assert [path for path in paths if not any(Path(path).is_relative_to(mount) for mount in mounts)] == []


def target(volume: Any) -> str:
    return str(volume["target"]) if isinstance(volume, dict) else volume.split(":")[1]


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"migrate"}))
def test_a_service_that_stays_is_checked_and_started_again(name: str) -> None:
    assert ALL[name]["restart"] == "unless-stopped"
    assert {"test", "interval", "timeout", "retries", "start_period"} <= set(ALL[name]["healthcheck"])


@pytest.mark.parametrize("name", ALL)
def test_logs_are_json_and_do_not_fill_the_disk(name: str) -> None:
    assert ALL[name]["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}
    assert name not in OURS or OURS[name]["environment"]["HARDWARE_ORDERS_LOG_FORMAT"] == "json"


@pytest.mark.parametrize("name", OURS)
def test_every_setting_exists(name: str) -> None:
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    assert set(OURS[name]["environment"]) - known == set()


def test_everybody_waits_for_the_schema_and_stops_before_whom_it_needs() -> None:
    assert set(ALL["migrate"]["depends_on"]) == {"postgres"}
    for name in ("api", "worker", "relay"):
        assert ALL[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert ALL[name]["depends_on"]["redis"] == {"condition": "service_healthy"}
    assert "worker" in ALL["api"]["depends_on"]
    assert "relay" in ALL["worker"]["depends_on"]


def test_everybody_has_the_time_to_stop_in_order() -> None:
    needed = {
        "api": system.API_STOP_SECONDS,
        "worker": system.WORKER_STOP_SECONDS,
        "relay": system.RELAY_STOP_SECONDS,
    }
    given = {name: seconds(ALL[name]["stop_grace_period"]) for name in needed}
    assert {name for name in needed if given[name] <= needed[name]} == set()


def test_the_url_that_is_given_for_rabbitmq_opens_it() -> None:
    given = {name: ALL["rabbitmq"]["environment"][f"RABBITMQ_DEFAULT_{name}"] for name in ("USER", "PASS", "VHOST")}
    switch = f"BROKER_URL=amqp://{given['USER']}:{given['PASS']}@rabbitmq:5672/{given['VHOST']} docker compose"
    assert switch in COMPOSE_FILE.read_text()
    assert switch in (ROOT / "README.md").read_text()
    for name in ("api", "worker", "relay"):
        chosen = services({"BROKER_URL": "amqp://elsewhere"})[name]["environment"]
        assert chosen["HARDWARE_ORDERS_BROKER_URL"] == "amqp://elsewhere"
        assert ALL[name]["depends_on"]["rabbitmq"] == {"condition": "service_healthy", "required": False}


def test_redis_refuses_rather_than_forgets() -> None:
    command = ALL["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--maxmemory-policy"] == "noeviction"
    assert options["--appendonly"] == "yes"


def test_no_sample_fills_an_order_unless_it_is_asked_for() -> None:
    (mount,) = ALL["worker"]["volumes"]
    assert mount in ALL["api"]["volumes"]
    assert mount["read_only"] is True
    assert parse_portfolios(read_document(ROOT / mount["source"] / "portfolios.yaml")) == []
