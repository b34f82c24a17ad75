"""From the setting to the lookup."""

import json
from pathlib import Path

import pytest

from hardware_orders.errors import WrongSettingError
from hardware_orders.portfolio.lookup import Found, NotConfigured, UnknownCustomer
from hardware_orders.portfolio.source import lookup_from
from hardware_orders.samples import portfolios_path

NOBODY = "00000000-0000-4000-8000-000000000000"
BAKERY = "c0a8f3de-51b2-4e0f-8a6d-7b1e94d2f101"


def test_without_a_url_nothing_is_configured() -> None:
    assert lookup_from(None)([NOBODY, BAKERY]) == {NOBODY: NotConfigured(), BAKERY: NotConfigured()}


@pytest.mark.parametrize("form", ["file:{}", "file://{}"])
def test_an_absolute_file(form: str) -> None:
    assert isinstance(lookup_from(form.format(portfolios_path()))([BAKERY])[BAKERY], Found)


def test_a_relative_file_and_an_escaped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my portfolios.json").write_text(json.dumps({"portfolios": []}))
    assert lookup_from("file:my%20portfolios.json")([BAKERY]) == {BAKERY: UnknownCustomer()}


@pytest.mark.parametrize(
    "url", ["http://portfolio.example.com", "https://portfolio.example.com/v1/", "http://[::1]:80", "HTTPS://x"]
)
def test_a_service_is_asked_for_nothing_before_it_is_needed(url: str) -> None:
    source = lookup_from(url)
    assert source.at_hand([BAKERY]) == {}
    source.close()


@pytest.mark.parametrize(
    "url",
    [
        *("http://", "https:///v1", "https://user@x", "https://user:secret@x", "http://x?a=secret", "http://x#secret"),
        *("http://x:port", "http://[::1", "http://a b", "http://x/\u007f"),
    ],
)
def test_a_service_is_named_by_where_it_is_alone(url: str) -> None:
    with pytest.raises(WrongSettingError, match=r"^HARDWARE_ORDERS_PORTFOLIO_URL must be http\(s\)://host") as refused:
        lookup_from(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("http://x", "t"),
        ("http://10.0.0.1", "t"),
        ("https://x", "two words"),
        ("https://x", "line\n"),
        ("https://x", "ä"),
    ],
)
def test_a_token_that_others_could_read_or_that_is_none(url: str, token: str) -> None:
    with pytest.raises(WrongSettingError, match=r"^HARDWARE_ORDERS_PORTFOLIO_TOKEN"):
        lookup_from(url, token=token)


@pytest.mark.parametrize("url", ["file:", "file://host/p.yaml", "ftp://x/p.yaml", "p.yaml"])
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(WrongSettingError, match="HARDWARE_ORDERS_PORTFOLIO_URL must be file:/path"):
        lookup_from(url)
