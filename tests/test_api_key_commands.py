"""`hardware-orders api-key`: a key is made, shown once, listed, revoked; what is wrong is said in a line."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hardware_orders import api_keys
from hardware_orders.cli import app
from hardware_orders.database import Database
from hardware_orders.errors import WrongSettingError
from tests.backends import Postgres, own_postgres

CUSTOMER = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
GOOD = {"--name": "Terminal shop", "--entity": CUSTOMER, "--role": "orders:read, orders:write"}


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["api-key", *words])


def options(**changed: str) -> Sequence[str]:
    chosen = GOOD | {f"--{name}": value for name, value in changed.items()}
    return [word for pair in chosen.items() for word in pair]


@pytest.fixture
def environment(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARDWARE_ORDERS_DATABASE_URL", database_url)


@pytest.mark.usefixtures("environment")
def test_a_key_is_made_listed_and_revoked(database: Database) -> None:
    made = run("create", *options(days="30"))
    text = made.stdout.strip()
    found = api_keys.find(database, text)
    assert found is not None
    assert (made.exit_code, text in made.stderr) == (0, False)
    key, _ = found
    assert (key.name, key.entities, key.roles) == ("Terminal shop", (CUSTOMER,), ("orders:read", "orders:write"))
    assert key.expires_at is not None
    assert (key.expires_at - key.created_at).days == 30

    listed = run("list").stdout
    assert all(shown in listed for shown in (key.key_id, "Terminal shop", CUSTOMER, "orders:read, orders:write"))
    assert text.rpartition("_")[2] not in listed
    assert "revoked" not in listed

    assert run("revoke", key.key_id).exit_code == 0
    assert api_keys.find(database, text) is None
    assert "revoked" in run("list").stdout


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"role": "orders:write,boss"}, "unknown role boss"),
        ({"role": ","}, "name a role"),
        ({"entity": "*," + CUSTOMER}, "'*' alone"),
        ({"entity": CUSTOMER.upper()}, "canonical form"),
        ({"entity": ""}, "canonical form"),
        ({"name": ""}, "printable"),
        ({"name": "a\nb"}, "printable"),
        ({"name": "x" * 256}, "printable"),
        ({"days": "0"}, "--days"),
        ({"days": "3651"}, "--days"),
    ],
)
def test_what_no_key_is_made_of(changed: dict[str, str], said: str) -> None:
    refused = run("create", *options(**changed))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert said in " ".join(refused.stderr.split())


@pytest.mark.usefixtures("environment")
def test_a_key_that_is_not_there() -> None:
    for key_id in (CUSTOMER, "x"):
        refused = run("revoke", key_id)
        assert refused.exit_code == 2
        assert "no API key of this id" in refused.stderr


def test_a_login_that_does_not_own_the_tables_is_told_whose_it_takes(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.clone() as url, own_postgres.login(url) as login:
        monkeypatch.setenv("HARDWARE_ORDERS_DATABASE_URL", login)
        for words in (["list"], ["create", *options()], ["revoke", CUSTOMER]):
            refused = run(*words)
            assert isinstance(refused.exception, WrongSettingError)
            assert "with the URL of the tables' owner" in str(refused.exception)


def test_the_embedded_default_before_its_first_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARDWARE_ORDERS_DATA_DIR", str(tmp_path / "data"))
    refused = run("list")
    assert isinstance(refused.exception, WrongSettingError)
    assert "run `hardware-orders up` first" in str(refused.exception)
    assert not (tmp_path / "data").exists()
