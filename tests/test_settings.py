"""Settings that are checked at the start: what is taken, and the one line that says what is wrong."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hardware_orders import cli, settings
from hardware_orders.errors import WrongSettingError
from hardware_orders.settings import PREFIX, Rate


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no `.env` but the test's own


@pytest.mark.parametrize(
    ("name", "value", "meaning"),
    [
        ("RATE_LIMIT", "", None),
        ("RATE_LIMIT", "600/minute", Rate(600, 60)),
        ("RATE_LIMIT", "20/second", Rate(20, 1)),
        ("RATE_LIMIT", "5000/hour", Rate(5000, 3600)),
        ("RATE_LIMIT", "20", Rate(20, 1)),
        ("IDEMPOTENCY_DAYS", "", 7),
        ("IDEMPOTENCY_DAYS", "30", 30),
        ("WEBHOOK_ALLOW", "", ()),
        ("WEBHOOK_ALLOW", "10.20.0.0/16, ::1/128", (ip_network("10.20.0.0/16"), ip_network("::1/128"))),
    ],
)
def test_what_is_taken(name: str, value: str, meaning: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    assert getattr(settings.load(), name.lower()) == meaning


@pytest.mark.parametrize("name", ["DATABASE_URL", "BROKER_URL", "EVENTS_URL"])
@pytest.mark.parametrize(
    "rest", ["u:secret@host:port/1", "u:secret@[::1/1", "u:sec/ret@host:1/1", "u:secret@host:65536/1"]
)
def test_a_url_that_cannot_be_read_is_not_repeated(name: str, rest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scheme = "postgresql" if name == "DATABASE_URL" else "redis"
    monkeypatch.setenv(PREFIX + name, f"{scheme}://{rest}")
    with pytest.raises(WrongSettingError, match=f"^{PREFIX}{name} has no host and port") as refused:
        getattr(settings.load(), name.removesuffix("_URL").lower())
    assert "sec" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("RATE_LIMIT", value)
            for value in ("0", "0/minute", "-1/minute", "600/day", "600 / minute", "1000000/second")
        ),
        *(("IDEMPOTENCY_DAYS", value) for value in ("0", "366", "1.5", "a week")),
        *(("WEBHOOK_ALLOW", value) for value in ("localhost", "10.0.0.1/8", "10.0.0.0/33")),
    ],
)
def test_what_is_wrong_is_said_in_one_line(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(WrongSettingError) as refused:
        settings.load()
    line = str(refused.value)
    assert line.startswith(f"{PREFIX}{name} is wrong: ")
    assert "\n" not in line
    if name == "RATE_LIMIT":
        assert "600/minute" in line


def test_a_setting_may_come_from_a_secret_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{PREFIX}DATABASE_URL").write_text("postgresql://user:secret@host/orders\n")
    (tmp_path / f"{PREFIX}PORT").write_text("9000")
    monkeypatch.setattr(settings, "SECRETS_DIR", tmp_path)
    monkeypatch.setenv(f"{PREFIX}PORT", "9001")
    found = settings.load()
    assert (found.database, found.port) == ("postgresql://user:secret@host/orders", 9001)


@pytest.mark.usefixtures("database")
def test_a_worker_without_its_source_of_portfolios_does_not_start(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "redis://127.0.0.1:1"
    chosen = {"DATABASE_URL": database_url, "BROKER_URL": nowhere, "EVENTS_URL": nowhere, "PORTFOLIO_URL": "portfolios"}
    for name, value in chosen.items():
        monkeypatch.setenv(PREFIX + name, value)
    ended = CliRunner().invoke(cli.app, ["worker"])
    assert isinstance(ended.exception, WrongSettingError)
    assert str(ended.exception).startswith(f"{PREFIX}PORTFOLIO_URL must be file:")
