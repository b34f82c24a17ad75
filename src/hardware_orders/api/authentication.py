"""Who is asking: a Bearer token or an API key to a principal with roles and the customers it may act for."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from hardware_orders import api_keys, trace_context
from hardware_orders.actor import Actor
from hardware_orders.api import turns
from hardware_orders.api.principal import Principal, granted
from hardware_orders.api.problems import Problem
from hardware_orders.api.tokens import BadTokenError, Tokens
from hardware_orders.roles import Role

__all__ = ["Authenticator", "Principal", "Role"]

# What was verified is remembered for this long: a signature costs as much as everything else before the commit. It is
# also how long a revoked API key, or a token whose key was withdrawn, is still taken.
REMEMBERED_SECONDS = 60.0
REMEMBERED_CREDENTIALS = 10_000
# Longer than any honest token, short against a header's limit.
CREDENTIALS_MOST_CHARACTERS = 8_192
# Of the threads and connections that all requests share: made-up keys must leave the others theirs.
KEY_LOOKUPS_AT_ONCE = 4
# Lookups take milliseconds: who has not had a turn by then stands behind a database that hardly answers.
KEY_LOOKUP_TURN_SECONDS = 2.0

_CALLER = "hardware_orders.caller"


class Authenticator:
    """`identify` finds out who is asking, on the event loop, before a route is entered; `principal` tells the route."""

    def __init__(self, tokens: Tokens, find_key: api_keys.Find, clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens = tokens
        self._find_key = find_key
        self._clock = clock
        self._remembered: dict[str, tuple[Principal, float]] = {}
        self._key_lookups = asyncio.Semaphore(KEY_LOOKUPS_AT_ONCE)

    async def identify(self, request: Request) -> None:
        """Keep with the request who is asking, or why that is not known: not every route wants to know."""
        if _CALLER in request.scope:
            return
        caller: Principal | Exception
        try:
            caller = await self.known_by(_credentials(request))
        except Exception as error:  # noqa: BLE001  # raised again by `principal`, in the route that asks
            caller = error
        request.scope[_CALLER] = caller

    async def known_by(self, credentials: str) -> Principal:
        """Whom a token or an API key stands for. Raises Problem 401 for one that is not good (any more).

        Raises Problem 503 or the database's own error while nobody can tell.
        """
        known = self._remembered.get(credentials)
        return known[0] if known and known[1] > self._clock() else await self._verified(credentials)

    def caller(self, request: Request) -> Principal | None:
        """The caller, whatever its roles; None when it is not known."""
        caller: Principal | Exception = request.scope[_CALLER]
        return caller if isinstance(caller, Principal) else None

    def principal(self, request: Request, *roles: Role) -> Principal:
        """The caller, who has one of these roles. Raises Problem 401 without a good token, 403 without a role.

        Raises Problem 503 or the database's own error while nobody can tell. Called on any thread.
        """
        caller: Principal | Exception = request.scope[_CALLER]
        if isinstance(caller, Exception):
            raise caller
        if caller.roles.isdisjoint(roles):
            raise Problem(403, f"The token needs the role {' or '.join(roles)}.")
        trace = trace_context.of_headers(request.scope["headers"])
        return replace(caller, actor=replace(caller.actor, trace=trace)) if trace else caller

    async def is_still(self, request: Request, principal: Principal) -> bool:
        """Whether the credentials of a request that goes on for long are still good, and for the same caller."""
        del request.scope[_CALLER]
        await self.identify(request)
        return bool(request.scope[_CALLER] == principal)

    async def _verified(self, credentials: str) -> Principal:
        try:
            if api_keys.FORM.fullmatch(credentials):
                principal, seconds = await self._of_api_key(credentials)
            else:
                principal, seconds = await self._tokens.verify(credentials)
        except BadTokenError:
            raise Problem(
                401, "The token is not valid here, or has expired; get a new one.", headers=_INVALID_TOKEN
            ) from None
        if len(self._remembered) >= REMEMBERED_CREDENTIALS:
            self._remembered.clear()
        self._remembered[credentials] = (principal, self._clock() + min(seconds, REMEMBERED_SECONDS))
        return principal

    async def _of_api_key(self, text: str) -> tuple[Principal, float]:
        async with turns.turn(self._key_lookups, "lookups of API keys", KEY_LOOKUP_TURN_SECONDS):
            found = await run_in_threadpool(self._find_key, text)
        if found is None:
            raise BadTokenError
        key, seconds = found
        return granted(Actor(key.key_id, key.name), key.entities, key.roles), seconds


_INVALID_TOKEN = {"WWW-Authenticate": 'Bearer error="invalid_token"'}  # RFC 6750, 3.1


def _credentials(request: Request) -> str:
    sent = request.headers.getlist("authorization")
    scheme, _, credentials = (sent[0] if len(sent) == 1 else "").partition(" ")
    if scheme.lower() != "bearer" or not credentials or len(credentials) > CREDENTIALS_MOST_CHARACTERS:
        raise Problem(401, "Send one token: `Authorization: Bearer …`.")
    return credentials.strip()
