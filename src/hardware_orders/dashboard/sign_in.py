"""Signing in with a token or an API key, and out again."""

from http import HTTPStatus

from starlette.responses import Response

from hardware_orders.api.problems import Problem
from hardware_orders.dashboard import session
from hardware_orders.dashboard.pages import SIGN_IN, Visit
from hardware_orders.dashboard.session import CREDENTIALS_COOKIE, CREDENTIALS_MOST_CHARACTERS, PATH


async def ask(visit: Visit) -> Response:
    """The form."""
    return visit.page("sign_in", next=_within(visit.field("next")), fault=None)


async def enter(visit: Visit) -> Response:
    """The form was sent: keep what it brings in the cookie, if it is good for anything."""
    attempts = visit.board.attempts
    attempts.require_room()
    credentials, after = visit.field("credentials").removeprefix("Bearer ").strip(), _within(visit.field("next"))
    fault = _fault(credentials)
    if fault is None:
        try:
            await visit.service.authenticator.known_by(credentials)
        except Problem as problem:
            if problem.status != HTTPStatus.UNAUTHORIZED:
                raise
            attempts.failed()
            fault = "This token or key is not valid here, or has expired."
    if fault is not None:
        return visit.page("sign_in", 422, next=after, fault=fault)
    response = visit.to(after or PATH)
    session.keep(response, visit.request, CREDENTIALS_COOKIE, credentials)
    return response


async def leave(visit: Visit) -> Response:
    """Sign out."""
    response = visit.to(SIGN_IN)
    session.forget(response)
    return response


def _fault(credentials: str) -> str | None:
    if not credentials:
        return "Paste a token or an API key."
    if len(credentials) > CREDENTIALS_MOST_CHARACTERS or not credentials.isascii() or " " in credentials:
        return f"A token or key is one word of at most {CREDENTIALS_MOST_CHARACTERS:,} characters; paste it whole."
    return None


def _within(address: str) -> str:
    """The address if it is a page of the dashboard, else nothing: a link must not lead elsewhere by way of us."""
    is_ours = address == PATH or address.startswith((f"{PATH}/", f"{PATH}?"))
    return address if is_ours and "\\" not in address and address.isprintable() else ""
