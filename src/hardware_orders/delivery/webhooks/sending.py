"""One request to a receiver: signed, to an address that was checked, within one deadline, its answer read within bounds."""

import email.utils
import ssl
import time
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Any, Self

import httpcore2
import structlog
from standardwebhooks import Webhook

from hardware_orders import __version__
from hardware_orders.delivery.webhooks import addresses
from hardware_orders.delivery.webhooks.addresses import BadUrlError, RefusedAddressError, UnknownHostError
from hardware_orders.delivery.webhooks.message import GONE, Message, Result
from hardware_orders.settings import Network

logger = structlog.get_logger()

# From the lookup of the name to the last byte that is read, however slowly they come.
DEADLINE_SECONDS = 10.0
# Read at most so much of an answer: its beginning says what went wrong.
ANSWER_MOST_BYTES = 16 * 1024
# Kept of it, for people.
KEPT_MOST_BYTES = 1_024
OK, MULTIPLE_CHOICES, BAD_REQUEST = 200, 300, 400
# Those that may say when to come again (RFC 9110, section 10.2.3).
ASKS_FOR_TIME = (429, 503)
_RETRY_AFTER_MOST_CHARACTERS = 64


class Receiver(AbstractContextManager["Receiver"]):
    """A connection to one endpoint, which is opened with the first message and kept for those that follow."""

    def __init__(self, url: str, secrets: Sequence[str], allowed: Sequence[Network]) -> None:
        """`secrets` sign, each by itself (`whsec_…`). Nothing is sent yet."""
        self._url = url
        self._signers = [Webhook(secret) for secret in secrets]
        self._allowed = allowed
        self._pool: httpcore2.ConnectionPool | None = None
        self._target: addresses.Target | None = None
        self._backend = _Pinned()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.close()

    def send(self, message: Message) -> Result:
        """Send one message. Never raises for what receiver, name or network do: each has its word in `error`."""
        began = time.monotonic()
        self._backend.ends_at = began + DEADLINE_SECONDS
        try:
            status, headers, answer = self._asked(message)
        except Exception as error:  # noqa: BLE001  # whatever a stranger's server makes of the protocol
            return Result(_since(began), error=_word(error))
        retry_after = _retry_after(headers) if status in ASKS_FOR_TIME else None
        return Result(_since(began), status, _refusal(status), cleaned(answer), retry_after)

    def _asked(self, message: Message) -> tuple[int, Sequence[tuple[bytes, bytes]], bytes]:
        pool, target = self._opened()
        left = self._backend.left()
        request = pool.stream(
            "POST",
            httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.target),
            headers=self._headers(target, message),
            content=message.body.encode(),
            extensions={"timeout": {"connect": left, "read": left, "write": left, "pool": left}},
        )
        with request as response:
            return response.status, response.headers, _beginning(response.iter_stream())

    def _opened(self) -> tuple[httpcore2.ConnectionPool, addresses.Target]:
        if self._pool is None or self._target is None:
            target = addresses.target(self._url, self._allowed)
            self._backend.address = addresses.resolve(target, self._allowed, self._backend.left())
            self._target = target
            # It goes where it is told: no proxy of the environment, no redirect, no second attempt of its own.
            self._pool = httpcore2.ConnectionPool(
                ssl_context=_tls(), max_connections=1, network_backend=self._backend, retries=0
            )
        return self._pool, self._target

    def _headers(self, target: addresses.Target, message: Message) -> list[tuple[str, str]]:
        now = datetime.now(UTC)
        signatures = [signer.sign(message.message_id, now, message.body) for signer in self._signers]
        return [
            ("Host", target.authority),
            ("Content-Type", "application/cloudevents+json; charset=utf-8"),
            ("User-Agent", f"hardware-orders/{__version__}"),
            ("Accept-Encoding", "identity"),
            ("webhook-id", message.message_id),
            ("webhook-timestamp", str(int(now.timestamp()))),
            ("webhook-signature", " ".join(signatures)),
            *(message.trace.as_members().items() if message.trace else ()),
        ]


class _Pinned(httpcore2.NetworkBackend):
    """Connects to the address that was checked, whatever the URL's host resolves to by now; all within one deadline."""

    def __init__(self) -> None:
        self.address = ""
        self.ends_at = 0.0
        self._backend = httpcore2.SyncBackend()

    def left(self) -> float:
        """Seconds until the deadline. Raises httpcore2.TimeoutException after it."""
        seconds = self.ends_at - time.monotonic()
        if seconds <= 0:
            raise httpcore2.ReadTimeout
        return seconds

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002  # it was resolved before
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        stream = self._backend.connect_tcp(self.address, port, self.left(), local_address, socket_options)
        return _Hurried(stream, self)


class _Hurried(httpcore2.NetworkStream):
    """A stream whose every step has only what is left until the deadline: a time-out for each byte would begin anew."""

    def __init__(self, stream: httpcore2.NetworkStream, pinned: _Pinned) -> None:
        self._stream = stream
        self._pinned = pinned

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._pinned.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._pinned.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> Self:
        self._stream = self._stream.start_tls(ssl_context, server_hostname, self._pinned.left())
        return self

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@cache
def _tls() -> ssl.SSLContext:
    """Certificates are checked by the URL's host, against the authorities that this machine trusts."""
    return ssl.create_default_context()


def _beginning(chunks: Iterable[bytes]) -> bytes:
    read = b""
    for chunk in chunks:
        read += chunk
        if len(read) >= ANSWER_MOST_BYTES:
            break
    return read[:ANSWER_MOST_BYTES]


def cleaned(answer: bytes) -> str:
    """The beginning of an answer, fit to be stored and shown: valid text without NUL, controls and direction marks."""
    text = answer[:KEPT_MOST_BYTES].decode(errors="replace")
    shown = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
    # What could not be decoded has grown: U+FFFD has three bytes.
    return shown.strip().encode()[:KEPT_MOST_BYTES].decode(errors="ignore")


def _refusal(status: int) -> str | None:
    if OK <= status < MULTIPLE_CHOICES:
        return None
    if status == GONE:
        return "gone"
    return "redirect" if MULTIPLE_CHOICES <= status < BAD_REQUEST else "refused"


# The first that fits: what a time-out is depends on nothing else.
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (BadUrlError, "bad_url"),
    (RefusedAddressError, "address_refused"),
    (UnknownHostError, "unknown_host"),
    (httpcore2.TimeoutException, "timeout"),
    (httpcore2.NetworkError, "connection"),
    (httpcore2.ProtocolError, "protocol"),
)


def _word(error: Exception) -> str:
    # The pool takes the cause away; what was wrong is still the argument.
    if any(isinstance(argument, ssl.SSLError) for argument in error.args):
        return "tls"
    word = next((word for kind, word in _WORDS if isinstance(error, kind)), None)
    if word is None:
        logger.error("webhook_send_fault", error=type(error).__name__, exc_info=error)
    return word or "fault"


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> float | None:
    """Seconds of the first `Retry-After`, a number or a date; None for what is neither."""
    values = [value.decode("latin-1") for name, value in headers if name.lower() == b"retry-after"]
    text = values[0].strip()[:_RETRY_AFTER_MOST_CHARACTERS] if values else ""
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return (email.utils.parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
