"""Where a webhook may not be sent: no spelling of an inner address leads to a connection."""

import ipaddress
import socket
from typing import Any

import httpcore2
import pytest

from hardware_orders.delivery.webhooks import addresses
from hardware_orders.delivery.webhooks.addresses import (
    BadUrlError,
    RefusedAddressError,
    Target,
    UnknownHostError,
)
from hardware_orders.delivery.webhooks.endpoint_secrets import new
from hardware_orders.delivery.webhooks.message import Message
from hardware_orders.delivery.webhooks.sending import Receiver
from hardware_orders.settings import Network
from tests import receivers

LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"),)
PUBLIC = "93.184.215.14"
SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "017700000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "127.0.0.01",
    "%31%32%37.0.0.1",
    "\uff11\uff12\uff17.0.0.1",  # full-width digits
    "127\u30020\u30020\u30021",  # ideographic full stops
    "localhost",
    "LOCALHOST",
    "localhost.",
    "api.localhost",
    "0.0.0.0",  # noqa: S104
    "0",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "[fc00::1]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[::1%25lo]",
    "[ff02::1]",
    "[100::1]",
    "[3fff::1]",
    "ann@127.0.0.1",
    "shop.example.com@127.0.0.1",
    "127.0.0.1\\@shop.example.com",
    "127.0.0.1#@shop.example.com",
    "127.0.0.1\t",
]


class Seen:
    """The addresses that were connected to, or would have been."""

    def __init__(self) -> None:
        self.addresses: list[str] = []


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    found = Seen()
    connect = httpcore2.SyncBackend.connect_tcp

    def noted(self: httpcore2.SyncBackend, host: str, *arguments: Any) -> httpcore2.NetworkStream:
        found.addresses.append(host)
        if host == PUBLIC:
            raise httpcore2.ConnectError
        return connect(self, host, *arguments)

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", noted)
    return found


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_no_spelling_of_an_inner_address_makes_a_connection(seen: Seen, scheme: str) -> None:
    assert len(SPELLINGS) >= 24
    with receivers.receiver() as canary:
        port = canary.url.rpartition(":")[2].partition("/")[0]
        for spelling in SPELLINGS:
            url = f"{scheme}://{spelling}:{port}/hook"
            with pytest.raises(BadUrlError):  # when the endpoint is made
                addresses.target(url, ())
            result = Receiver(url, [new()], ()).send(Message("1", "{}"))  # one that was stored all the same
            assert (result.status, result.error) == (None, "bad_url"), spelling
    assert (seen.addresses, canary.connections) == ([], 0)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_what_the_resolver_makes_of_it_is_refused_as_well(spelling: str) -> None:
    """As if the URL had not been looked at: the addresses decide, not how they are written."""
    host = spelling.strip("[]").replace("%25", "%")
    with pytest.raises((RefusedAddressError, UnknownHostError)):
        addresses.resolve(Target("https", host, 443, "/"), (), 5)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
    """The name's servers answer with these addresses, one list after the other; the last one for good."""
    left = list(answers)

    def getaddrinfo(_host: str, port: int, *_kind: Any, **_also: Any) -> list[Any]:
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_one_inner_address_among_public_ones_is_enough(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, [PUBLIC, "127.0.0.1"])
    result = Receiver("https://shop.example.com/", [new()], ()).send(Message("1", "{}"))
    assert (result.error, seen.addresses) == ("address_refused", [])


def test_what_was_checked_is_what_is_connected_to(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, [PUBLIC], ["127.0.0.1"])  # by the second look it is another
    receiver = Receiver("https://shop.example.com/", [new()], ())
    for _ in range(2):
        assert receiver.send(Message("1", "{}")).error == "connection"
    assert seen.addresses == [PUBLIC, PUBLIC]


def test_nothing_goes_in_clear_to_a_public_address(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, [PUBLIC])
    with pytest.raises(RefusedAddressError):
        addresses.resolve(Target("http", "localhost", 80, "/"), LOOPBACK, 5)
    assert not seen.addresses


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://shop.example.com/hook?of=orders", "shop.example.com"),
        ("https://shop.example.com:8443", "shop.example.com:8443"),
        ("https://8.8.8.8/", "8.8.8.8"),
        ("https://[2606:4700::1111]:444/", "[2606:4700::1111]:444"),
        ("https://xn--caf-dma.example/", "xn--caf-dma.example"),
        ("http://127.0.0.1:81/", "127.0.0.1:81"),
        ("http://localhost/", "localhost"),
    ],
)
def test_what_may_be_a_receiver(url: str, authority: str) -> None:
    assert addresses.target(url, LOOPBACK).authority == authority


def test_what_the_operator_allows_is_no_more_than_that() -> None:
    for host in ("128.0.0.1", "[::ffff:127.0.0.1]", "10.0.0.1"):
        with pytest.raises(BadUrlError):
            addresses.target(f"http://{host}/", LOOPBACK)
