"""A Portfolio Service over TLS: whom nobody vouches for is away; a house's own authority is named by SSL_CERT_FILE."""

import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hardware_orders.portfolio.lookup import Found, Unavailable
from hardware_orders.portfolio.source import lookup_from
from tests.portfolio import customers

CUSTOMER = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
BODY = json.dumps({"portfolios": [customers.portfolio(CUSTOMER)]}).encode()


def certified(folder: Path) -> tuple[Path, Path]:
    """A key, and its certificate by itself, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A house of its own")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    return folder / "key.pem", folder / "certificate.pem"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_signed = self.headers["Authorization"] == "Bearer the-token"
        self.send_response(200 if is_signed else 401)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    key, certificate = certified(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}", certificate
        server.shutdown()
        thread.join()


def test_who_is_vouched_for_is_asked_with_the_token(service: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    url, certificate = service
    source = lookup_from(url, token="the-token")
    assert source([CUSTOMER]) == {CUSTOMER: Unavailable("The Portfolio Service cannot be connected to.")}
    source.close()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    source = lookup_from(url, token="the-token")
    assert isinstance(source([CUSTOMER])[CUSTOMER], Found)
    source.close()
