"""What a running system tells Prometheus: all that the table, the alert rules and the dashboard name, and by its rules."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.backends import Backend, Program
from tests.system import System, eventually, order

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs/metrics.md"
PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARDS = ROOT / "deploy/grafana/dashboards"
NAME = re.compile(r"hardware_orders_\w+")
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (?:`(\w+)`)? ?\| (.+) \|$", re.MULTILINE)
PROMTOOL_SECONDS = 60


def scraped(system: System) -> str:
    headers = {"Authorization": f"Bearer {system.token(roles=('orders:read',))}"}
    answer = httpx2.get(f"{system.url}/metrics", headers=headers, timeout=30)
    assert answer.status_code == 200
    return answer.text


def parsed(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


@pytest.fixture(scope="module")
def served(system: System) -> str:
    """The metrics once everything is known: a relay has taken samples, and workers have beaten."""
    with system.client() as client:
        client.post("/orders/hardware", json=order())

    def known() -> str:
        text = scraped(system)
        return text if all(family.samples for family in parsed(text).values()) else ""

    return eventually(known, 60)


def name_in_text(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def expressions() -> dict[str, str]:
    """Where each is, and what is asked there."""
    rules = {rule["alert"]: rule["expr"] for rule in alerts()}
    for path in DASHBOARDS.glob("*.json"):
        for panel in json.loads(path.read_text())["panels"]:
            rules |= {f"{panel['title']} {one['refId']}": one["expr"] for one in panel["targets"]}
    return rules


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_the_table_says_what_is_served(served: str) -> None:
    told = {(name, kind, label, meaning) for name, kind, label, meaning in ROW.findall(TABLE.read_text())}
    assert told == {
        (name_in_text(family), family.type, _label(family), family.documentation) for family in parsed(served).values()
    }


def _label(family: Metric) -> str:
    (labels,) = {tuple(sample.labels) for sample in family.samples}
    assert len(labels) <= 1
    return labels[0] if labels else ""


def test_rules_and_dashboard_name_nothing_that_is_not_served(served: str) -> None:
    names = {sample.name for family in parsed(served).values() for sample in family.samples}
    asked = {where: set(NAME.findall(expression)) for where, expression in expressions().items()}
    assert {where: missing for where, found in asked.items() if (missing := found - names)} == {}
    assert len(set().union(*asked.values())) > 20


def test_values_of_labels_are_few_and_of_nobody(served: str) -> None:
    labels: dict[str, set[str]] = {}
    for family in parsed(served).values():
        for sample in family.samples:
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    assert set(labels) == {"version", "status", "code", "quantile"}
    assert max(len(values) for values in labels.values()) < 10


def test_counters_only_grow(system: System, served: str) -> None:
    before = _value(served, "orders_received")
    with system.client() as client:
        client.post("/orders/hardware", json=order())
    assert eventually(lambda: _value(scraped(system), "orders_received") > before, 30)


def _value(text: str, name: str) -> float:
    (sample,) = parsed(text)[f"hardware_orders_{name}"].samples
    return float(sample.value)


def test_the_embedded_default_is_open_at_this_machine(system: System, backend: Backend) -> None:
    status = httpx2.get(f"{system.url}/metrics", timeout=30).status_code
    assert status == (200 if backend.name == "sqlite" else 401)


def test_every_alert_says_what_it_is_and_what_to_do() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule["alert"]
        assert rule["annotations"]["summary"].endswith("."), rule["alert"]
        assert len(rule["annotations"]["description"]) > 80, rule["alert"]


def test_grafana_finds_its_datasource_and_dashboards() -> None:
    provisioning = ROOT / "deploy/grafana/provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/hardware-orders.yml").read_text())["providers"]
    services: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    mounts = {mount["target"]: mount["source"] for mount in services["grafana"]["volumes"] if isinstance(mount, dict)}
    assert (ROOT / mounts[provider["options"]["path"]]).resolve() == DASHBOARDS
    assert (ROOT / mounts["/etc/grafana/provisioning"]).resolve() == provisioning
    assert source["url"] == "http://prometheus:9090"
    panels = [panel for path in DASHBOARDS.glob("*.json") for panel in json.loads(path.read_text())["panels"]]
    assert {panel["datasource"]["uid"] for panel in panels} == {source["uid"]}
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_names_and_types_are_by_convention(promtool: Program, served: str) -> None:
    accepted(promtool, "check", "metrics", given=served)


def test_prometheus_takes_its_configuration_and_rules(promtool: Program, tmp_path: Path) -> None:
    folder = shutil.copytree(PROMETHEUS, tmp_path / "prometheus", ignore=shutil.ignore_patterns("api-key"))
    (folder / "api-key").write_text("made up")
    accepted(promtool, "check", "config", str(folder / "prometheus.yml"))


def test_every_alert_fires_past_its_threshold_and_not_below(promtool: Program) -> None:
    tests = PROMETHEUS / "alerts_test.yml"
    tried = {one["name"] for one in yaml.safe_load(tests.read_text())["tests"]}
    assert tried == {f"{rule['alert']} {does}" for rule in alerts() for does in ("fires", "does not fire")}
    accepted(promtool, "test", "rules", str(tests))


def accepted(promtool: Program, *words: str, given: str = "") -> None:
    assert promtool.program
    ran = subprocess.run(
        [promtool.program, *words],
        input=given,
        capture_output=True,
        text=True,
        timeout=PROMTOOL_SECONDS,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
