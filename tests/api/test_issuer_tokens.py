"""Tokens of an issuer: one of each algorithm, and every kind of bad one."""

import hashlib
import hmac
import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey, Key

from hardware_orders.actor import Actor
from hardware_orders.api import local_key
from hardware_orders.api.authentication import Principal
from hardware_orders.api.tokens import LEEWAY_SECONDS
from tests.api.issuer_sign_in import (
    ABSENT,
    EC,
    LOCAL,
    OKP,
    PUBLIC,
    REFUSED,
    RSA,
    STRANGER,
    SignIn,
    base64url,
    run,
    token,
    with_header,
)
from tests.api.jwks_server import JwksServer, jwks_server

STRANGE_EC = ECKey.generate_key("P-256", {"kid": "strange"})


def signed_with_the_public_key(secret: bytes) -> str:
    signing = with_header('{"alg":"HS256","typ":"at+jwt","kid":"rsa"}').rpartition(".")[0]
    return f"{signing}.{base64url(hmac.new(secret, signing.encode(), hashlib.sha256).digest())}"


def altered(part: int) -> str:
    parts = token().split(".")
    middle = len(parts[part]) // 2
    other = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + other + parts[part][middle + 1 :]
    return ".".join(parts)


# Good and bad tokens


@pytest.mark.parametrize(("key", "alg"), [(RSA, "RS256"), (EC, "ES256"), (OKP, "Ed25519"), (OKP, "EdDSA")])
def test_a_token_of_each_algorithm(server: JwksServer, key: Key, alg: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of `EdDSA`: whoever signs is warned, who verifies is not
        signed = token(key, alg)

    async def scenario(sign_in: SignIn) -> None:
        principal = await sign_in(signed)
        assert principal == Principal(Actor("u-ada", "u-ada"), None, frozenset(["orders:write"]))

    run(server, scenario)


def test_what_a_header_may_name_besides(server: JwksServer) -> None:
    async def scenario(sign_in: SignIn) -> None:
        await sign_in(token(header={"x5t": "abc", "nonce": "of some issuers"}))
        await sign_in(token(header={"typ": "application/at+jwt"}))
        await sign_in(token(nbf=int(time.time()) + LEEWAY_SECONDS - 5, exp=int(time.time()) - LEEWAY_SECONDS + 5))

    run(server, scenario)


NOW = int(time.time())
BAD: dict[str, Callable[[], str]] = {
    "expired": lambda: token(exp=NOW - LEEWAY_SECONDS - 1),
    "without an end": lambda: token(exp=ABSENT),
    "not yet good": lambda: token(nbf=NOW + 3_600),
    "of the future": lambda: token(iat=NOW + 3_600),
    "for somebody else": lambda: token(aud="https://others.example.com"),
    "for nobody": lambda: token(aud=ABSENT),
    "of another issuer": lambda: token(iss="https://others.example.com/"),
    "of no issuer": lambda: token(iss=ABSENT),
    "of the issuer's key in the local key's name": lambda: token(iss=local_key.ISSUER, aud=local_key.AUDIENCE),
    "of the local key in the issuer's name": lambda: token(LOCAL, "Ed25519", {"kid": "okp"}),
    "an ID token": lambda: token(header={"typ": "JWT"}),
    "of no type": lambda: token(header={"typ": ABSENT}),
    "unsigned": lambda: with_header('{"alg":"none","typ":"at+jwt","kid":"rsa"}').rpartition(".")[0] + ".",
    "HMAC with the public key as PEM": lambda: signed_with_the_public_key(RSA.as_pem(private=False)),
    "HMAC with the public key as JWK": lambda: signed_with_the_public_key(json.dumps(PUBLIC).encode()),
    "of an algorithm that is not pinned": lambda: token(RSA, "RS512"),
    "of a padding that is not pinned": lambda: token(RSA, "PS256"),
    "of an algorithm that is not its key's": lambda: token(EC, "ES256", {"kid": "rsa"}),
    "of another key under a known name": lambda: token(STRANGER, "RS256", {"kid": "rsa"}),
    "of a key without a name": lambda: token(header={"kid": ABSENT}),
    "of an unknown key": lambda: token(STRANGER),
    "with an extension": lambda: token(header={"crit": ["b64"], "b64": True}),
    "with an altered header": lambda: altered(0),
    "with altered claims": lambda: altered(1),
    "with an altered signature": lambda: altered(2),
}


def test_bad_tokens(server: JwksServer) -> None:
    async def scenario(sign_in: SignIn) -> None:
        answers = {name: await sign_in.refused(make()) for name, make in BAD.items()}
        assert answers == dict.fromkeys(BAD, REFUSED)

    run(server, scenario)
    assert len(server.asked) <= 2


def test_a_key_that_the_token_brings_along(server: JwksServer) -> None:
    with jwks_server(STRANGE_EC) as canary:
        own = STRANGE_EC.as_dict(private=False)
        brought: list[dict[str, Any]] = [{"jwk": own}, {"jku": canary.url}, {"x5u": canary.url}, {"x5c": ["MIIB"]}]

        async def scenario(sign_in: SignIn) -> None:
            for header in brought:
                for name in ("ec", "strange"):
                    assert await sign_in.refused(token(STRANGE_EC, "ES256", {**header, "kid": name})) == REFUSED

        run(server, scenario)
        assert canary.asked == []
