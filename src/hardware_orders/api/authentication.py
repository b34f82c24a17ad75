"""Who is asking: a Bearer JWT (RFC 9068) to a principal with roles and the customers it may act for."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from hardware_orders.api import local_key
from hardware_orders.api.problems import Problem
from hardware_orders.orders.actor import Actor

# Clocks of issuer and service may differ by this much.
LEEWAY_SECONDS = 60
# A verified token is remembered until it expires: a signature costs as much as everything else before the commit.
REMEMBERED_TOKENS = 10_000
# Longer than any honest token, short against a header's limit.
TOKEN_MOST_CHARACTERS = 8_192
# Of a name, an id or a role: longer ones are no names.
TEXT_MOST_CHARACTERS = 255


class Role(StrEnum):
    """What a token may allow."""

    ORDERS_WRITE = "orders:write"
    ORDERS_READ = "orders:read"
    FULFILMENT = "fulfilment"
    EVENTS_READ = "events:read"
    WEBHOOKS_WRITE = "webhooks:write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller. `entities` are the customers it may act for; None means all of them."""

    actor: Actor
    entities: frozenset[str] | None
    roles: frozenset[str]

    def may_act_for(self, customer_entity_uid: str) -> bool:
        return self.entities is None or customer_entity_uid in self.entities


class Authenticator:
    """Verifies tokens of the local key. Used on the event loop only."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key
        self._verified: dict[str, tuple[Principal, float]] = {}
        self._rules = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": local_key.ISSUER},
            aud={"essential": True, "value": local_key.AUDIENCE},
            sub={"essential": True},
            exp={"essential": True},
        )

    def principal(self, request: Request, *roles: Role) -> Principal:
        """The caller, who has one of these roles. Raises Problem 401 without a good token, 403 without a role."""
        principal = self._principal(_bearer(request))
        if not principal.roles.intersection(roles):
            raise Problem(403, f"The token needs the role {' or '.join(roles)}.")
        return principal

    def _principal(self, token: str) -> Principal:
        known = self._verified.get(token)
        if known is not None and known[1] > time.time():
            return known[0]
        try:
            verified = jwt.decode(token, self._key, algorithms=[local_key.ALGORITHM])
            self._rules.validate(verified.claims)
            principal = _principal_of(verified.header, verified.claims)
            expires = float(verified.claims["exp"]) + LEEWAY_SECONDS
        except (JoseError, ValueError, TypeError, KeyError, OverflowError):
            raise Problem(401, "The token is not valid here, or has expired; get a new one.") from None
        if len(self._verified) >= REMEMBERED_TOKENS:
            self._verified.clear()
        self._verified[token] = (principal, expires)
        return principal


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > TOKEN_MOST_CHARACTERS:
        raise Problem(401, "Send a token: `Authorization: Bearer …`.")
    return token.strip()


def _principal_of(header: Mapping[str, Any], claims: Mapping[str, Any]) -> Principal:
    if header.get("typ") != "at+jwt":
        raise ValueError("not an access token (RFC 9068)")
    sub, entities, roles = claims["sub"], claims["entity_id"], claims["roles"]
    name = claims.get("name", sub)
    entities = [entities] if isinstance(entities, str) else entities
    if not (isinstance(entities, list) and isinstance(roles, list)):
        raise TypeError("entity_id and roles are lists")
    if not all(_is_text(item) for item in [sub, name, *entities, *roles]):
        raise TypeError("sub, name, entity_id and roles hold texts")
    return Principal(Actor(sub, name), None if "*" in entities else frozenset(entities), frozenset(roles))


def _is_text(value: object) -> bool:
    """True for what can be stored and shown: one line of printable characters."""
    return isinstance(value, str) and 0 < len(value) <= TEXT_MOST_CHARACTERS and value.isprintable()
