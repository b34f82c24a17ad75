"""What makes a token good: a JWT access token (RFC 9068) of an issuer that is trusted here, read as RFC 8725 asks.

The token chooses nothing but whose rules it is held to, by its `iss`; algorithms are ours, keys are the issuer's, and
what else a header may name (`jku`, `jwk`, `x5u`, `x5c`) is never looked at.
"""

import json
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key

from hardware_orders.actor import Actor
from hardware_orders.api.principal import Principal, granted

# Clocks of issuer and service may differ by this much.
LEEWAY_SECONDS = 60
# Of a name, an id or a role: longer ones are no names.
TEXT_MOST_CHARACTERS = 255
# RFC 9068, 4: either spelling says "access token". A plain `JWT` is refused, because an ID token is one too.
ACCESS_TOKEN = ("at+jwt", "application/at+jwt")


class BadTokenError(Exception):
    """The token is not good here. Why is nobody's business: it would help only whoever makes them up."""


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """Whose tokens are taken: what `iss` and `aud` must be, and the algorithms that its keys may be used with.

    `key` finds the key that a header's `kid` names. It raises BadTokenError when the issuer has none of that name.
    """

    name: str
    audience: str
    algorithms: Collection[str]
    key: Callable[[object], Awaitable[Key]]


class Tokens:
    """Verifies the tokens of all trusted issuers."""

    def __init__(self, issuers: Collection[TrustedIssuer]) -> None:
        self._issuers = {issuer.name: (issuer, _Algorithms(issuer.algorithms), _rules(issuer)) for issuer in issuers}

    async def verify(self, token: str) -> tuple[Principal, float]:
        """The caller, and for how many seconds more the token is good.

        Raises BadTokenError, and Problem 503 when the issuer's keys cannot be had.
        """
        try:
            unverified = jws.extract_compact(token.encode())
            claims = json.loads(unverified.payload)
            issuer, algorithms, rules = self._issuers[claims["iss"]]
            header = unverified.headers()
            _require_access_token(header)
            key = await issuer.key(header.get("kid"))
            if not jws.validate_compact(unverified, key, registry=algorithms):
                raise BadTokenError
            rules.validate(claims)
            return _principal(claims), float(claims["exp"]) + LEEWAY_SECONDS - time.time()
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            raise BadTokenError from None


class _Algorithms(jws.JWSRegistry):
    """These algorithms and no others, not even with the library's own recommendation or warning.

    It warns of the name `EdDSA`, which RFC 9864 replaces and which issuers use nevertheless. Headers that are unknown
    and not critical are ignored, as RFC 7515 (4) says.
    """

    def __init__(self, algorithms: Collection[str]) -> None:
        super().__init__(algorithms=algorithms, strict_check_header=False)
        self._allowed = frozenset(algorithms)

    def get_alg(self, name: str) -> Any:
        if name not in self._allowed:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


def _rules(issuer: TrustedIssuer) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": issuer.name},
        aud={"essential": True, "value": issuer.audience},
        sub={"essential": True},
        exp={"essential": True},
    )


def _require_access_token(header: Mapping[str, Any]) -> None:
    """Refuse before a key is asked for what no key could make good."""
    # No extension is understood here, so none may be critical (RFC 7515, 4.1.11).
    if header["typ"].lower() not in ACCESS_TOKEN or "crit" in header:
        raise BadTokenError


def _principal(claims: Mapping[str, Any]) -> Principal:
    sub, entities, roles = claims["sub"], claims["entity_id"], claims["roles"]
    name = claims.get("name", sub)
    entities = [entities] if isinstance(entities, str) else entities
    if not (isinstance(entities, list) and isinstance(roles, list)):
        raise TypeError("entity_id and roles are lists")
    if not all(is_text(item) for item in [sub, name, *entities, *roles]):
        raise TypeError("sub, name, entity_id and roles hold texts")
    return granted(Actor(sub, name), entities, roles)


def is_text(value: object) -> bool:
    """True for what can be stored and shown: one line of printable characters."""
    return isinstance(value, str) and 0 < len(value) <= TEXT_MOST_CHARACTERS and value.isprintable()
