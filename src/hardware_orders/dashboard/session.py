"""Who looks at a page: known by the token or API key in a cookie, or a user of this machine where that is allowed.

The cookie holds what was pasted, and nothing is kept here: each request asks what it stands for now, so that an expired
token or a revoked key ends the session, in every process. The API never reads the cookie.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from hardware_orders.actor import LOCAL_USER
from hardware_orders.api import at_this_machine
from hardware_orders.api.authentication import Authenticator, Role
from hardware_orders.api.principal import Principal
from hardware_orders.api.problems import Problem

PATH = "/dashboard"
CREDENTIALS_COOKIE = "hardware_orders_credentials"
# Of this browser: what its forms are bound to, signed in or not.
BROWSER_COOKIE = "hardware_orders_browser"
BROWSER_CHARACTERS = 43
# Browsers keep cookies up to 4,096 bytes, with name and attributes.
CREDENTIALS_MOST_CHARACTERS = 3_800

_LOCAL = Principal(LOCAL_USER, None, frozenset(Role))
_BAD_ORIGIN = Problem(
    403, "The form was not sent from a page of this service; open the page again and send it from there."
)
_BAD_FORM = Problem(
    403, "The form is not of this session, or is from before it began; open the page again and send it."
)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody at a browser. `form_token` goes into every form, `browser` into the browser's cookie."""

    principal: Principal | None
    is_signed_in: bool
    has_expired: bool
    browser: str
    form_token: str

    def require_own_form(self, request: Request, sent: str) -> None:
        """Raise Problem 403 for a form that another site sent, or made up."""
        origin = request.headers.get("origin", "")
        if urlsplit(origin).netloc != request.headers.get("host", "") or not origin:
            raise _BAD_ORIGIN
        if not hmac.compare_digest(sent.encode(), self.form_token.encode()):
            raise _BAD_FORM


async def of(request: Request, authenticator: Authenticator, *, is_open: bool) -> Session:
    """The session of this request. `is_open`: who is at this machine needs no token.

    Raises what `Authenticator.known_by` raises while nobody can tell.
    """
    browser = request.cookies.get(BROWSER_COOKIE, "")
    if len(browser) != BROWSER_CHARACTERS:
        browser = secrets.token_urlsafe(32)
    credentials = request.cookies.get(CREDENTIALS_COOKIE, "")
    principal, has_expired = None, False
    if credentials:
        try:
            principal = await authenticator.known_by(credentials)
        except Problem as problem:
            if problem.status != HTTPStatus.UNAUTHORIZED:
                raise
            has_expired = True
    is_signed_in = principal is not None
    if principal is None and is_open and at_this_machine.asks(request):
        principal = _LOCAL
    # Bound to both: a form of one session is no form of the next.
    token = hmac.digest(browser.encode(), credentials.encode() if is_signed_in else b"", hashlib.sha256).hex()
    return Session(principal, is_signed_in, has_expired, browser, token)


def keep(response: Response, request: Request, name: str, value: str) -> None:
    """Set one of the cookies, until the browser ends; only over TLS when the page came by it."""
    is_secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
    response.set_cookie(name, value, path=PATH, httponly=True, samesite="strict", secure=is_secure)


def forget(response: Response) -> None:
    """End the session."""
    response.delete_cookie(CREDENTIALS_COOKIE, path=PATH, httponly=True, samesite="strict")
