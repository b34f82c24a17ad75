"""Settings of who may sign in: a wrong one stops the start with one line that says how to mend it."""

from pathlib import Path
from typing import Any

import pytest

from hardware_orders import api_keys
from hardware_orders.app import create_app
from hardware_orders.database import Database
from hardware_orders.errors import WrongSettingError
from hardware_orders.settings import IssuerSettings, Settings

NOWHERE = "redis://127.0.0.1:1"
URL = "https://issuer.example.com/jwks"
WHOLE = {"jwks_url": URL, "jwt_issuer": "https://issuer.example.com/", "jwt_audience": "orders"}


def settings(**changed: Any) -> Settings:
    return Settings.model_validate({"broker_url": NOWHERE, "events_url": NOWHERE} | changed)


def test_an_issuer() -> None:
    assert settings(**WHOLE).issuer == IssuerSettings(URL, "https://issuer.example.com/", "orders")
    assert settings().issuer is None


@pytest.mark.parametrize(
    "given", [("jwks_url",), ("jwks_url", "jwt_issuer"), ("jwt_audience",), ("jwt_issuer", "jwt_audience")]
)
def test_half_an_issuer(given: tuple[str, ...]) -> None:
    half = {name: value for name, value in WHOLE.items() if name in given}
    missing = next(name for name in WHOLE if name not in given)
    with pytest.raises(WrongSettingError, match=f"^HARDWARE_ORDERS_{missing.upper()} is not set.* together.*$"):
        _ = settings(**half).issuer


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "127.1.2.3", "[::1]:80"])
def test_keys_from_this_machine_need_no_tls(host: str) -> None:
    assert settings(**WHOLE | {"jwks_url": f"http://{host}/jwks"}).issuer


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example.com/jwks",
        "http://localhost.example.com/jwks",
        "http://10.0.0.1/jwks",
        "http://0.0.0.0/jwks",
        "https:///jwks",
        "https://user:secret@issuer.example.com/jwks",
        "file:///etc/passwd",
        "issuer.example.com/jwks",
        "http://[::1/jwks",
    ],
)
def test_keys_that_anybody_could_put_in_place_of_the_issuers(url: str) -> None:
    with pytest.raises(WrongSettingError, match=r"^HARDWARE_ORDERS_JWKS_URL must begin with https://") as refused:
        _ = settings(**WHOLE | {"jwks_url": url}).issuer
    assert "secret" not in str(refused.value)


def test_an_issuer_in_the_local_keys_name(tmp_path: Path) -> None:
    wrong = settings(**WHOLE | {"jwt_issuer": "hardware-orders-local", "database_url": f"sqlite:///{tmp_path}/o.db"})
    with pytest.raises(WrongSettingError, match="HARDWARE_ORDERS_JWT_ISSUER must not be"):
        create_app(wrong)


def test_an_api_that_nobody_could_sign_in_to_does_not_start(database_url: str, database: Database) -> None:
    for who in ({}, {"jwks_url": ""}):
        with pytest.raises(WrongSettingError, match=r"^Nobody could sign in: .*JWKS_URL.*LOCAL_SIGNING_KEY.*api-key"):
            create_app(settings(database_url=database_url, **who))
    key, _ = api_keys.create(database, name="Shop", entities=["*"], roles=["orders:read"])
    assert create_app(settings(database_url=database_url))
    assert create_app(settings(database_url=database_url, **WHOLE))
    api_keys.revoke(database, key.key_id)
    with pytest.raises(WrongSettingError, match=r"^Nobody could sign in"):
        create_app(settings(database_url=database_url))
