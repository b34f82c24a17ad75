"""The keys of the issuer at JWKS_URL (RFC 7517): fetched beside the requests, kept while the issuer is away.

One fetch at a time, on the event loop: it holds no thread and no connection of anybody else's. Who asks for a key that
is not known waits for the fetch that is under way, or for the one that it may cause; everybody else goes on with the
keys that are there.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from hardware_orders.api.problems import Problem
from hardware_orders.api.tokens import BadTokenError
from hardware_orders.settings import is_loopback

log = structlog.get_logger()

# RFC 7518 and RFC 9864; `EdDSA` is the name that most issuers still give to Ed25519.
ALGORITHMS = ("RS256", "ES256", "Ed25519", "EdDSA")
# A key that the issuer withdraws is trusted for this long, and the memory of verified tokens, at most.
REFRESH_SECONDS = 300.0
# How often an issuer that is away is tried again.
RETRY_SECONDS = 5
# How often tokens of unknown keys may cause a fetch: anybody can make up a key's name.
UNKNOWN_KEY_SECONDS = 30.0
# Longer than an issuer needs; a caller who waits for its keys is told 503 after it.
FETCH_SECONDS = 3.0
# Keys outlive the issuer by this; its tokens have long expired by then, and nobody could tell that a key was withdrawn.
KEPT_SECONDS = 86_400.0
# The longest sets are some ten keys with their chains of certificates.
DOCUMENT_MOST_BYTES = 262_144
# What a modulus of 2,048 bits has in base64url: RFC 7518 (3.3) allows no shorter ones.
MODULUS_LEAST_CHARACTERS = 342
KEY_TYPES = ("RSA", "EC", "OKP")


class IssuerKeys:
    """The issuer's keys by their names. Used on the event loop only, while `running`."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: Mapping[str, Key] = {}
        self._trusted_until = self._may_ask_at = clock()
        self._is_away = True
        self._fetching: asyncio.Task[None] | None = None
        import httpx2  # noqa: PLC0415  # an API that trusts no issuer need not hold it

        self._http = httpx2.AsyncClient(
            timeout=FETCH_SECONDS,
            follow_redirects=False,
            # The operator's proxy leads to issuers, never back to this machine.
            trust_env=not is_loopback(urlsplit(url).hostname),
            headers={"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"},
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Fetch now, and again every few minutes, for as long as the block lasts. It does not wait for the first."""
        self._begin()  # before anybody asks, who would else be taken to have asked for an unknown key
        task = asyncio.create_task(self._keep_fresh())
        try:
            yield
        finally:
            tasks = [each for each in (task, self._fetching) if each]
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._http.aclose()

    async def key(self, name: object) -> Key:
        """The key of this name.

        Raises BadTokenError when the issuer has none; Problem 503 when the issuer is away, so that nobody can tell.
        """
        if not isinstance(name, str):
            raise BadTokenError
        if name not in self._current():
            await self._ask_again()
        found = self._current().get(name)
        if found is None and self._is_away:
            raise Problem(
                503,
                "The issuer of the token does not answer, so it cannot be verified; send the request again in a moment.",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        if found is None:
            raise BadTokenError
        return found

    async def refresh(self) -> None:
        """Fetch the keys, or join the fetch that is under way. Never fails: what was known then stays known."""
        await asyncio.shield(self._begin())  # one caller that hangs up must not end it for the others

    def _begin(self) -> "asyncio.Task[None]":
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    def _current(self) -> Mapping[str, Key]:
        return self._keys if self._clock() < self._trusted_until else {}

    async def _ask_again(self) -> None:
        is_under_way = self._fetching is not None and not self._fetching.done()
        if not is_under_way:
            if self._clock() < self._may_ask_at:
                return
            self._may_ask_at = self._clock() + UNKNOWN_KEY_SECONDS
        await self.refresh()

    async def _keep_fresh(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(RETRY_SECONDS if self._is_away else REFRESH_SECONDS)

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                document = await self._download()
            keys = _usable(json.loads(document))
        except Exception as error:  # noqa: BLE001  # whatever an issuer answers, the keys stay and the next fetch is made
            self._is_away = True
            log.warning("issuer_keys_not_fetched", url=self._url, error=type(error).__name__, known=len(self._keys))
            return
        if self._is_away or keys.keys() != self._keys.keys():
            log.info("issuer_keys_fetched", url=self._url, keys=sorted(keys))
        self._keys, self._is_away = keys, False
        self._trusted_until = self._clock() + KEPT_SECONDS

    async def _download(self) -> bytes:
        """The document as it was sent. Raises ValueError for any answer but 200, and when it is too long."""
        document = bytearray()
        async with self._http.stream("GET", self._url) as answer:
            if answer.status_code != HTTPStatus.OK:
                raise ValueError("not an answer of 200")
            # Raw: a small answer that unpacks into a large one is no JSON.
            async for chunk in answer.aiter_raw():
                document += chunk
                if len(document) > DOCUMENT_MOST_BYTES:
                    raise ValueError("longer than any key set")
        return bytes(document)


def _usable(document: Any) -> dict[str, Key]:
    """The keys of a JWK Set that can verify a token here; others are for others, and are passed over (RFC 7517, 5).

    Raises ValueError, TypeError or KeyError when it is no JWK Set. An empty set is one: the issuer has withdrawn all
    keys.
    """
    if not isinstance(document["keys"], list):
        raise TypeError("keys is a list")
    keys: dict[str, Key] = {}
    for jwk in document["keys"]:
        if _is_for_signatures(jwk):
            with contextlib.suppress(JoseError, ValueError, TypeError, KeyError, AttributeError):
                keys[jwk["kid"]] = JWKRegistry.import_key(jwk)
    return keys


def _is_for_signatures(jwk: Any) -> bool:
    return (
        isinstance(jwk, dict)
        and isinstance(jwk.get("kid"), str)
        and jwk.get("kty") in KEY_TYPES
        and jwk.get("use", "sig") == "sig"
        and (jwk["kty"] != "RSA" or len(str(jwk.get("n"))) >= MODULUS_LEAST_CHARACTERS)
    )
