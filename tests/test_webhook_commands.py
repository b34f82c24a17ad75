"""`hardware-orders webhooks`: a key is made, and every secret is encrypted with a new one."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hardware_orders import cli
from hardware_orders.actor import SERVICE
from hardware_orders.database import Database
from hardware_orders.delivery.webhooks import endpoints, secret_keys
from hardware_orders.delivery.webhooks.endpoint_secrets import Secrets
from hardware_orders.errors import WebhookRefusedError, WrongSettingError
from hardware_orders.settings import PREFIX


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli.app, ["webhooks", *arguments], env={PREFIX + k: v for k, v in environment.items()})


@pytest.fixture
def servers(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    return {"DATABASE_URL": database_url, "BROKER_URL": "redis://x", "EVENTS_URL": "redis://x"}


def test_keys_are_rotated_by_listing_them(database: Database, servers: dict[str, Any]) -> None:
    old, new = (run("make-key").stdout.strip() for _ in range(2))
    wanted = endpoints.columns(None, url="https://shop.example.com/")
    endpoint_id, secret = endpoints.create(database, Secrets([old.encode()]), SERVICE, wanted)
    lacking = run("rotate-keys", **servers, SECRET_KEYS=new)
    assert (lacking.exit_code, "keep the key" in lacking.stderr) == (1, True)
    rotated = run("rotate-keys", **servers, SECRET_KEYS=f"{new},{old}")
    assert (rotated.exit_code, rotated.stdout) == (0, "The secrets of 1 endpoints are encrypted with the first key.\n")
    with database.read() as connection:
        assert endpoints.signing(connection, database, endpoint_id, Secrets([new.encode()])) == [secret]


def test_without_a_key_nothing_is_rotated_and_no_endpoint_is_made(database: Database, servers: dict[str, Any]) -> None:
    assert isinstance(run("rotate-keys", **servers).exception, WrongSettingError)
    wanted = endpoints.columns(None, url="https://shop.example.com/")
    with pytest.raises(WebhookRefusedError, match="HARDWARE_ORDERS_SECRET_KEYS"):
        endpoints.create(database, Secrets([]), SERVICE, wanted)
    with database.read() as connection:
        assert endpoints.visible(connection, None) == []


@pytest.mark.parametrize("text", ["", "short", f"{'A' * 43}", f"{'!' * 43}="])
def test_what_is_no_key_is_refused_and_not_repeated(text: str, tmp_path: Path) -> None:
    with pytest.raises(WrongSettingError, match="make-key") as refused:
        secret_keys.read(text or " ", None)
    assert not text or text not in str(refused.value)
    with pytest.raises(WrongSettingError, match="cannot be read"):
        secret_keys.read(None, tmp_path / "missing")


def test_a_file_of_keys_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "keys"
    secret_keys.make(path)
    made = path.read_text()
    secret_keys.make(path)
    assert (path.read_text(), path.stat().st_mode & 0o777) == (made, 0o600)
    assert len(secret_keys.read(None, path)) == 1
