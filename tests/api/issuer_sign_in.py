"""Signing in with tokens of an issuer, whose keys come over a real socket, and of a local key beside it."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from hardware_orders.api import local_key
from hardware_orders.api.authentication import Authenticator, Principal, Role
from hardware_orders.api.issuer_keys import ALGORITHMS, IssuerKeys
from hardware_orders.api.problems import Problem
from hardware_orders.api.tokens import Tokens, TrustedIssuer
from tests.api.jwks_server import JwksServer
from tests.api.requests import a_request

ISSUER = "https://issuer.example.com/"
AUDIENCE = "https://orders.example.com"
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "alg": "ES256"})
OKP = OKPKey.generate_key("Ed25519", {"kid": "okp"})
PUBLIC = RSA.as_dict(private=False)
STRANGER = RSAKey.generate_key(2048, {"kid": "stranger"})
LOCAL = OKPKey.generate_key("Ed25519")
ABSENT = object()


class FromNow(NamedTuple):
    """An instant for a claim, counted from the making of the token: the collection may be minutes ago by then."""

    seconds: float


ANY = jws.JWSRegistry(algorithms=list(jws.JWSRegistry.algorithms), strict_check_header=False)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


class SignIn:
    """An authenticator with an issuer and a local key, and the hands of its clock."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.keys = IssuerKeys(url, self.clock)
        issuer = TrustedIssuer(ISSUER, AUDIENCE, ALGORITHMS, self.keys.key)
        tokens = Tokens([issuer, local_key.trusted(LOCAL)])
        self.authenticator = Authenticator(tokens, lambda _text: None, self.clock)

    async def __call__(self, token: str) -> Principal:
        request = a_request(("Authorization", f"Bearer {token}"))
        await self.authenticator.identify(request)
        return self.authenticator.principal(request, Role.ORDERS_WRITE)

    async def refused(self, token: str) -> tuple[int, str | None]:
        """The status, and what a header says of it."""
        with pytest.raises(Problem) as problem:
            await self(token)
        headers = problem.value.headers
        return problem.value.status, headers.get("WWW-Authenticate") or headers.get("Retry-After")


REFUSED = (401, 'Bearer error="invalid_token"')
AWAY = (503, "5")


@asynccontextmanager
async def signing_in(server: JwksServer) -> AsyncIterator[SignIn]:
    sign_in = SignIn(server.url)
    async with sign_in.keys.running():
        yield sign_in


def run(server: JwksServer, scenario: Callable[[SignIn], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with signing_in(server) as sign_in:
            await scenario(sign_in)

    asyncio.run(whole())


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "u-ada",
        "entity_id": "*",
        "roles": ["orders:write"],
        "nbf": now,
        "iat": now,
        "exp": now + 600,
    }
    return {name: value for name, value in (good | changed).items() if value is not ABSENT}


def token(key: Key = RSA, alg: str = "RS256", header: dict[str, Any] | None = None, **changed: Any) -> str:
    heads = {"alg": alg, "typ": "at+jwt", "kid": key.kid} | (header or {})
    heads = {name: value for name, value in heads.items() if value is not ABSENT}
    return jwt.encode(heads, claims(**changed), key, registry=ANY, default_type=None)


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_header(header: str) -> str:
    _, payload, signature = token().split(".")
    return f"{base64url(header.encode())}.{payload}.{signature}"
