"""Tells each caller what it may ask (RateLimit fields, draft-ietf-httpapi-ratelimit-headers), and refuses what is more.

Around the application only while the setting is on. Who is not signed in is refused by the routes, and counts nowhere.
"""

import math

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hardware_orders.api import problems
from hardware_orders.api.context import context
from hardware_orders.api.problems import Problem
from hardware_orders.rate_limit import Allowance, RateLimiter
from hardware_orders.settings import Rate


class RateLimiting:
    """ASGI middleware. `limiter` is closed by whoever made it."""

    def __init__(self, app: ASGIApp, rate: Rate, limiter: RateLimiter) -> None:
        self._app = app
        self._limiter = limiter
        self._policy = f'"caller";q={rate.requests};w={rate.seconds}'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = await _caller(Request(scope)) if scope["type"] == "http" else None
        if caller is None:
            await self._app(scope, receive, send)
            return
        allowance = await self._limiter.take(caller)
        fields = self._fields(allowance)

        async def send_with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *fields]
            await send(message)

        if allowance.is_granted:
            await self._app(scope, receive, send_with_fields)
        else:
            seconds = str(math.ceil(allowance.next_in))
            refusal = Problem(429, f"Too many requests; try again in {seconds} s.", headers={"Retry-After": seconds})
            await problems.answer(Request(scope), refusal)(scope, receive, send_with_fields)

    def _fields(self, allowance: Allowance) -> list[tuple[bytes, bytes]]:
        limit = f'"caller";r={allowance.remaining};t={math.ceil(allowance.full_in)}'
        return [(b"ratelimit-policy", self._policy.encode()), (b"ratelimit", limit.encode())]


async def _caller(request: Request) -> str | None:
    authenticator = context(request).authenticator
    await authenticator.identify(request)
    caller = authenticator.caller(request)
    return caller.actor.uid if caller else None
