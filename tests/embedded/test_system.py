import re
import socket
from pathlib import Path
from typing import Any

import pytest

from hardware_orders import samples
from hardware_orders.embedded import data_folder
from hardware_orders.embedded.system import prepared
from hardware_orders.errors import WrongSettingError
from hardware_orders.settings import Settings

SERVERS = {
    "database_url": "postgresql://postgres@127.0.0.1/orders",
    "broker_url": "amqp://127.0.0.1//",
    "events_url": "redis://127.0.0.1/3",
}


def settings(tmp_path: Path, **values: Any) -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Settings(_env_file=None, **{"data_dir": tmp_path / "data", "port": probe.getsockname()[1], **values})


def test_embedded_it_brings_its_own_servers_key_and_portfolios(tmp_path: Path) -> None:
    wanted = settings(tmp_path)
    with prepared(wanted, {"PATH": "/bin"}) as system:
        assert [[child.name for child in stage] for stage in system.stages] == [
            ["valkey"],
            ["migrate"],
            ["api", "worker", "relay"],
        ]
        data = tmp_path / "data"
        assert system.env == {
            "PATH": "/bin",
            "HARDWARE_ORDERS_HOST": "127.0.0.1",
            "HARDWARE_ORDERS_PORT": str(wanted.port),
            "HARDWARE_ORDERS_DATA_DIR": str(data),
            "HARDWARE_ORDERS_DATABASE_URL": f"sqlite:///{data}/orders.db",
            "HARDWARE_ORDERS_BROKER_URL": f"redis+socket://{data}/valkey.sock?virtual_host=0",
            "HARDWARE_ORDERS_EVENTS_URL": f"unix://{data}/valkey.sock?db=1",
            "HARDWARE_ORDERS_PORTFOLIO_URL": f"file:{samples.portfolios_path()}",
            "HARDWARE_ORDERS_LOCAL_SIGNING_KEY": f"{data}/signing-key.json",
            "HARDWARE_ORDERS_SECRET_KEYS_FILE": f"{data}/secret-keys.txt",
            "HARDWARE_ORDERS_WEBHOOK_ALLOW": "127.0.0.0/8,::1/128",
            "HARDWARE_ORDERS_DASHBOARD_OPEN": "true",
            "HARDWARE_ORDERS_LOG_FORMAT": "console",
        }


def test_embedded_what_was_set_stays(tmp_path: Path) -> None:
    values = {"portfolio_url": "file:mine.yaml", "log_format": "json", "local_signing_key": tmp_path / "key"}
    with prepared(settings(tmp_path, **values), {}) as system:
        assert system.env["HARDWARE_ORDERS_PORTFOLIO_URL"] == "file:mine.yaml"
        assert system.env["HARDWARE_ORDERS_LOG_FORMAT"] == "json"
        assert system.env["HARDWARE_ORDERS_LOCAL_SIGNING_KEY"] == str(tmp_path / "key")


def test_half_an_issuer_is_said_before_anything_starts(tmp_path: Path) -> None:
    half = settings(tmp_path, jwks_url="https://issuer.example.com/jwks")
    with pytest.raises(WrongSettingError, match="JWT_ISSUER is not set"), prepared(half, {}):
        pass


def test_with_servers_nothing_is_embedded(tmp_path: Path) -> None:
    with prepared(settings(tmp_path, **SERVERS), {}) as system:
        assert [[child.name for child in stage] for stage in system.stages] == [["migrate"], ["api", "worker", "relay"]]
        assert system.server is None
        assert {name.removeprefix("HARDWARE_ORDERS_") for name in system.env} == {
            "HOST",
            "PORT",
            "DATABASE_URL",
            "BROKER_URL",
            "EVENTS_URL",
        }
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("missing", SERVERS)
def test_a_missing_server_stops_the_start(tmp_path: Path, missing: str) -> None:
    given = {name: url for name, url in SERVERS.items() if name != missing}
    with (
        pytest.raises(WrongSettingError, match=f"HARDWARE_ORDERS_{missing.upper()} is not set"),
        prepared(settings(tmp_path, **given), {}),
    ):
        pass


def test_a_port_in_use_is_named_and_the_data_folder_let_go(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(WrongSettingError, match=rf"Port {port} of 127.0.0.1 is in use .*HARDWARE_ORDERS_PORT"),
            prepared(settings(tmp_path, port=port), {}),
        ):
            pass
    with data_folder.held(tmp_path / "data"):
        pass


def test_a_host_that_is_not_here_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(WrongSettingError, match=re.escape("of 192.0.2.1 cannot be had")),
        prepared(settings(tmp_path, host="192.0.2.1"), {}),
    ):
        pass


def test_a_data_folder_serves_one_system_at_a_time(tmp_path: Path) -> None:
    with (
        prepared(settings(tmp_path), {}),
        pytest.raises(WrongSettingError, match="is in use by another `hardware-orders up`"),
        prepared(settings(tmp_path), {}),
    ):
        pass
