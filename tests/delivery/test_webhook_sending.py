"""One request: what misbehaving receivers make of it, what is kept of answers, and TLS by the name."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hardware_orders.delivery.webhooks import retries, sending
from hardware_orders.delivery.webhooks.endpoint_secrets import new
from hardware_orders.delivery.webhooks.message import Message, Result
from hardware_orders.delivery.webhooks.sending import Receiver
from hardware_orders.settings import Network
from tests import receivers

LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"),)
NAME = "receiver.example.com"


def sent(answer: receivers.Answer) -> Result:
    with receivers.receiver(answer) as there, Receiver(there.url, [new()], LOOPBACK) as receiver:
        return receiver.send(Message("1", "{}"))


@pytest.mark.parametrize("answer", [receivers.drip, receivers.silent])
def test_the_deadline_holds_however_slowly_bytes_come(
    monkeypatch: pytest.MonkeyPatch, answer: receivers.Answer
) -> None:
    monkeypatch.setattr(sending, "DEADLINE_SECONDS", 1.0)
    assert sent(answer).error == "timeout"


def test_of_a_huge_answer_the_beginning_is_read() -> None:
    result = sent(receivers.huge)
    assert (result.status, result.error, result.answer) == (200, None, "x" * sending.KEPT_MOST_BYTES)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (receivers.status(204), 204, None),
        (receivers.status(500), 500, "refused"),
        (receivers.status(410), 410, "gone"),
        (receivers.status(302, "Location: http://127.0.0.1:1/"), 302, "redirect"),
        (receivers.closing, None, "protocol"),
        (receivers.other_protocol, None, "protocol"),
        (receivers.raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000), None, "protocol"),
    ],
    ids=str,
)
def test_every_answer_has_its_word(answer: receivers.Answer, status: int | None, error: str | None) -> None:
    result = sent(answer)
    assert (result.status, result.error) == (status, error)


def test_nobody_listens() -> None:
    with receivers.receiver() as there:
        pass
    assert Receiver(there.url, [new()], LOOPBACK).send(Message("1", "{}")).error == "connection"


@pytest.mark.parametrize(
    ("code", "value", "seconds"),
    [
        (429, "120", 120),
        (503, "0", 1),
        (503, "999999999", retries.RETRY_AFTER_MOST_SECONDS),
        (503, "Wed, 21 Oct 2015 07:28:00 GMT", 1),
        (500, "120", None),
        (503, "soon", None),
        (503, "-5", None),
    ],
)
def test_a_receiver_may_ask_for_time(code: int, value: str, seconds: float | None) -> None:
    result = sent(receivers.status(code, f"Retry-After: {value}"))
    first = retries.delay(1, result.retry_after).total_seconds()
    if seconds is None:
        assert 4 <= first <= 6
    else:
        assert first == seconds


def test_delays_grow_to_the_last_and_vary() -> None:
    for attempt, seconds in enumerate([*retries.DELAYS_SECONDS, retries.DELAYS_SECONDS[-1]], 1):
        found = {retries.delay(attempt, None).total_seconds() for _ in range(20)}
        assert all(seconds * 0.8 <= one <= seconds * 1.2 for one in found)
        assert len(found) > 1


def test_what_is_kept_of_an_answer_is_fit_to_be_shown() -> None:
    assert sending.cleaned("a\x00b\r\n\x1b[31m\u202e<b>é".encode() + b"\xff") == "a b   [31m <b>é\ufffd"
    assert len(sending.cleaned(b"\xff" * 5_000).encode()) <= sending.KEPT_MOST_BYTES


def test_the_certificate_is_checked_by_the_name_though_the_address_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = certificate(tmp_path, NAME)
    trusting = ssl.create_default_context(cafile=authority)
    monkeypatch.setattr(sending, "_tls", lambda: trusting)

    def getaddrinfo(_host: str, port: int, *_kind: Any, **_also: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        asked = threading.Thread(target=answer_by_tls, args=(listener, tmp_path, 3), daemon=True)
        asked.start()
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        good, other = (
            Receiver(f"https://{name}:{port}/", [new()], LOOPBACK).send(Message("1", "{}"))
            for name in (NAME, "other.example.com")
        )
        monkeypatch.setattr(sending, "_tls", ssl.create_default_context)
        unknown = Receiver(f"https://{NAME}:{port}/", [new()], LOOPBACK).send(Message("1", "{}"))
        asked.join(10)
    assert (good.status, good.error) == (200, None)
    assert (other.error, unknown.error) == ("tls", "tls")


def answer_by_tls(listener: socket.socket, folder: Path, count: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    for _ in range(count):
        connection, _ = listener.accept()
        try:
            with context.wrap_socket(connection, server_side=True) as stream:
                while not stream.recv(65536).endswith(b"{}"):
                    pass
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        except OSError:  # the sender does not trust it
            connection.close()


def certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none))
    return folder / "certificate.pem"
