"""One question to the Portfolio Service over HTTP, bounded in time and size."""

import asyncio

import httpx2

from hardware_orders.portfolio.answer import Answer, away
from hardware_orders.portfolio.lookup import Unavailable

CONNECT_SECONDS = 1.0
# Over everything, from the name's resolution to the last byte: a service that drips is away too.
CALL_SECONDS = 3.0
# Hundreds of portfolios; a customer has a few.
ANSWER_MOST_BYTES = 1_048_576


_TOLD: tuple[tuple[type[Exception], str], ...] = (
    (httpx2.ConnectTimeout, f"could not be connected to within {CONNECT_SECONDS:g} s"),
    (httpx2.TimeoutException, f"did not answer within {CALL_SECONDS:g} s"),
    (TimeoutError, f"did not answer within {CALL_SECONDS:g} s"),
    (httpx2.ConnectError, "cannot be connected to"),
    (httpx2.NetworkError, "broke its answer off"),
    (httpx2.RemoteProtocolError, "broke its answer off, or answered with what is no HTTP"),
)


class ServiceClient:
    """The connections to the service. For one event loop."""

    def __init__(self, url: str, token: str | None, *, connections: int) -> None:
        self._url = f"{url.rstrip('/')}/portfolios"
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=False,
            # Neither a proxy nor a password comes from the environment: the token is for this origin alone. Whom to
            # trust does, by SSL_CERT_FILE and SSL_CERT_DIR, for houses with an authority of their own.
            trust_env=False,
            verify=httpx2.create_ssl_context(),
            headers=headers,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, customer_entity_uid: str, etag: str | None) -> Answer | Unavailable:
        """The answer as it came, whatever it says; Unavailable with a plain reason when there is none. Never raises."""
        headers = {"If-None-Match": etag} if etag else {}
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await self._get({"customerEntityUid": customer_entity_uid}, headers)
        except Exception as error:  # noqa: BLE001  # whatever a strange answer makes a library raise
            return away(next((told for kind, told in _TOLD if isinstance(error, kind)), "answered with no HTTP"))

    async def _get(self, query: dict[str, str], headers: dict[str, str]) -> Answer | Unavailable:
        async with self._http.stream("GET", self._url, params=query, headers=headers) as answer:
            body = bytearray()
            # Raw: a small answer that unpacks into a large one is refused by its encoding.
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > ANSWER_MOST_BYTES:
                    return away("answered with more than 1 MiB")
            return Answer(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, bytes(body))
