"""Requests to one service and their answers: each bounded in time and size, and a failure said in one sentence."""

import ipaddress
import json
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx2

from hardware_orders import __version__
from hardware_orders.client import errors, retries
from hardware_orders.client.errors import UnavailableError
from hardware_orders.client.retries import PassingError

# A healthy service answers in milliseconds, one whose database is away within a few seconds.
ANSWER_SECONDS = 15.0
CONNECT_SECONDS = 5.0
# A page of 50 orders of the largest size that the service takes, 4 MiB each, and what it adds to them.
ANSWER_MOST_BYTES = 256 * 2**20
# The service, or a gateway before it, cannot answer now. A 500 would only come again.
PASSING = frozenset({408, 429, 502, 503, 504})
# What can stand in a header without being another header.
VISIBLE = re.compile(r"[\x21-\x7e]+")

Json = Mapping[str, Any]
Token = str | Callable[[], str]
Lines = Callable[[], Iterable[bytes]]
"""The lines of an NDJSON body, from the first one on for every try."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of success. `json` is None when none was asked for."""

    status: int
    headers: httpx2.Headers
    json: Any


class Connection:
    """Sends requests to the service at `url`, each with the token, and again while that can help."""

    def __init__(self, url: str, token: Token, *, tries: int, seconds: float) -> None:
        self._url = url
        self._token = token
        self._tries = tries
        self._seconds = seconds
        self._http = httpx2.Client(
            base_url=url,
            headers={"Accept": "application/json", "User-Agent": f"hardware-orders/{__version__}"},
            trust_env=not is_this_machine(url),  # no proxy can reach this machine's own addresses
        )

    def close(self) -> None:
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        member: str | None,
        *,
        body: Json | str | Lines | None = None,
        params: Json | None = None,
        headers: Mapping[str, str] | None = None,
        answer_seconds: float = ANSWER_SECONDS,
        seconds: float | None = None,
    ) -> Answer:
        """The answer of success, whose JSON is an object with this member; None asks for no JSON.

        `answer_seconds` bounds each try, `seconds` all of them, where the client's own bound is too short; a body that is
        text is sent to the letter.

        Raises RefusedError or UnavailableError; ValueError or TypeError for what cannot be sent at all.
        """
        said = dict(headers or {})
        if body is not None:
            said["Content-Type"] = "application/x-ndjson" if callable(body) else "application/json"
        content = (
            None if body is None or callable(body) else (body if isinstance(body, str) else _as_json(body)).encode()
        )
        asked = {name: _plain(value) for name, value in (params or {}).items() if value is not None}

        def attempt(left: float, may_be_done: bool) -> Answer:  # noqa: FBT001 - called by `retries` alone
            bound = max(min(left, answer_seconds), 0.001)  # zero would mean no bound
            request = self._http.build_request(
                method,
                path,
                content=body() if callable(body) else content,
                params=asked,
                headers={**said, "Authorization": f"Bearer {self._bearer()}"},
                timeout=httpx2.Timeout(bound, connect=min(bound, CONNECT_SECONDS)),
            )
            answer = self._answer(request, bound, may_be_done=may_be_done)
            if member is not None and not (isinstance(answer.json, dict) and member in answer.json):
                raise UnavailableError(f"{self._url} answers, but not as this service does; is it its address?")
            return answer

        return retries.answered(attempt, tries=self._tries, seconds=seconds or self._seconds)

    def _answer(self, request: httpx2.Request, seconds: float, *, may_be_done: bool) -> Answer:
        """One try. Raises PassingError when another may succeed."""
        try:
            response, content = self._exchange(request, seconds)
        except (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol) as error:
            raise ValueError(f"This request cannot be sent: {error}.") from None
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            failure = UnavailableError(f"{self._url} does not answer ({type(error).__name__}: {error}).")
            was_sent = not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
            raise PassingError(failure, 0, may_be_done=was_sent) from None
        status, told = response.status_code, _parsed(content)
        if not response.is_success:
            refusal = errors.of_answer(status, told if isinstance(told, dict) else {}, may_be_done=may_be_done)
            if status in PASSING or (status == HTTPStatus.CONFLICT and "Retry-After" in response.headers):
                # A gateway's or a database's failure does not tell whether the request was carried out before it.
                is_unsure = status >= HTTPStatus.INTERNAL_SERVER_ERROR
                raise PassingError(refusal, _retry_after(response.headers), may_be_done=is_unsure)
            raise refusal
        return Answer(status, response.headers, told)

    def _exchange(self, request: httpx2.Request, seconds: float) -> tuple[httpx2.Response, bytes]:
        """The answer's head and body. httpx2 bounds the silence between two reads; this bounds them all together."""
        end = time.monotonic() + seconds
        content = bytearray()
        response = self._http.send(request, stream=True)
        try:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > ANSWER_MOST_BYTES:
                    raise httpx2.ReadError(f"the answer is larger than {ANSWER_MOST_BYTES} bytes")
                if time.monotonic() > end:
                    raise httpx2.ReadTimeout(f"the answer took longer than {seconds:.0f} s")
        finally:
            response.close()
        return response, bytes(content)

    def _bearer(self) -> str:
        token = self._token if isinstance(self._token, str) else self._token()
        if not VISIBLE.fullmatch(token):
            raise ValueError("The token must be one word of visible ASCII characters.")
        return token


def is_this_machine(url: str) -> bool:
    """True for an address that never leaves this machine. Raises ValueError for a URL that names no service."""
    host = _host(url)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host(url: str) -> str:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"The service's URL is wrong: {error}.") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError("The service's URL must be http://host or https://host, perhaps with a port and a path.")
    return parsed.host


def _as_json(body: Json) -> str:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, default=_plain_member)


def _plain(value: Any) -> Any:
    """A query parameter as httpx2 takes it: a list is sent as the parameter repeated."""
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float) else _plain_member(value)


def _plain_member(value: Any) -> str:
    match value:
        case datetime():
            return value.isoformat()
        case uuid.UUID():
            return str(value)
        case _:
            raise TypeError(f"A {type(value).__name__} has no form in JSON; make it a text.")


def _parsed(content: bytes) -> Any:
    """The JSON value; None for a body that is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _retry_after(headers: httpx2.Headers) -> float:
    """RFC 9110, 10.2.3: seconds, or a date, as a number of seconds from now; 0 when there is neither."""
    text = headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0)
    except (ValueError, TypeError):  # no date, or one without a zone
        return 0
