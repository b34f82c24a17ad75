"""A visit to a page: who visits, what they may, and the page that comes back, its errors included."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hardware_orders import identifiers
from hardware_orders.api import problems
from hardware_orders.api.authentication import Principal, Role
from hardware_orders.api.context import Context, context
from hardware_orders.api.problems import Problem
from hardware_orders.dashboard import forms, session, templates
from hardware_orders.dashboard.attempts import Attempts
from hardware_orders.dashboard.forms import Fields
from hardware_orders.dashboard.live import Live
from hardware_orders.dashboard.session import PATH, Session
from hardware_orders.database import AWAY
from hardware_orders.errors import HardwareOrdersError

log = structlog.get_logger()

SIGN_IN = f"{PATH}/sign-in"
READERS = (Role.ORDERS_READ, Role.ORDERS_WRITE)
# Nothing from elsewhere, nothing inline, nothing evaluated, and no page that holds this one in a frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
OF_ALL = Problem(403, "This page is about the whole system. It needs the role admin, for all customers.")
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Board:
    """What the pages of an API process share. `is_open`: who is at this machine need not sign in."""

    live: Live
    attempts: Attempts
    is_open: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page. `fields` are those of the query, or of the form that was sent."""

    request: Request
    service: Context
    session: Session
    fields: Fields

    @property
    def board(self) -> Board:
        found: Board = self.request.app.state.board
        return found

    @property
    def principal(self) -> Principal:
        """Who visits; only pages that are for nobody in particular have none."""
        if self.session.principal is None:
            raise Problem(401, "Sign in first.")
        return self.session.principal

    def may(self, *roles: Role) -> bool:
        """True for a visitor who has one of these roles."""
        found = self.session.principal
        return found is not None and not found.roles.isdisjoint(roles)

    @property
    def may_see_all(self) -> bool:
        """What is counted over all customers is for those who may see all of them."""
        return self.may(Role.ADMIN) and self.principal.entities is None

    def field(self, name: str) -> str:
        return forms.one(self.fields, name)

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """The page; `template` is the name of its file without the ending."""
        text = templates.environment().get_template(f"{template}.html").render(visit=self, Role=Role, **values)
        response = HTMLResponse(text, status, HEADERS)
        if self.request.cookies.get(session.BROWSER_COOKIE) != self.session.browser:
            session.keep(response, self.request, session.BROWSER_COOKIE, self.session.browser)
        return response

    def to(self, address: str) -> Response:
        """On to another page, which a reload then asks for again, and not for the act."""
        return RedirectResponse(address, 303, HEADERS)


Endpoint = Callable[[Visit], Awaitable[Response]]


def served(
    endpoint: Endpoint, *roles: Role, is_of_all: bool = False, is_public: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """What is hung up as a route: the page for a visitor with one of these roles.

    `is_of_all`: the page is about all customers' orders together. `is_public`: it is for nobody in particular.
    """

    async def answered(request: Request) -> Response:
        service = context(request)
        board: Board = request.app.state.board
        visitor: Session | None = None
        try:
            fields = forms.query(request) if request.method in ("GET", "HEAD") else await forms.body(request)
            visitor = await session.of(request, service.authenticator, is_open=board.is_open)
            visit = Visit(request, service, visitor, fields)
            if request.method == "POST":
                visitor.require_own_form(request, forms.one(fields, "form_token"))
            if visitor.principal is None and not is_public:
                return _to_sign_in(request)
            if not is_public:
                _require(visit, roles, is_of_all=is_of_all)
            return await endpoint(visit)
        except Exception as error:  # noqa: BLE001  # each becomes a page
            return _error_page(request, service, visitor, _problem(request, error))

    return answered


async def nowhere(visit: Visit) -> Response:  # noqa: ARG001  # as all pages are called
    """Any other path: what a person mistyped is answered with a page, and not as a program would be."""
    raise Problem(404, "There is no such page.")


def _require(visit: Visit, roles: tuple[Role, ...], *, is_of_all: bool) -> None:
    if is_of_all and not visit.may_see_all:
        raise OF_ALL
    if not is_of_all and not visit.may(*roles):
        raise Problem(403, f"This page needs the role {' or '.join(roles)}.")


def _to_sign_in(request: Request) -> Response:
    after = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    suffix = f"?next={quote(after, safe='')}" if request.method == "GET" and after != PATH else ""
    return RedirectResponse(SIGN_IN + suffix, 303, HEADERS)


def _problem(request: Request, error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, HardwareOrdersError):
        return problems.of(error)
    if isinstance(error, AWAY):
        log.warning("database_away", error=type(error).__name__)
        return Problem(503, "The database does not answer; reload the page in a moment.")
    request_id = identifiers.new()
    log.error("page_failed", request_id=request_id, path=request.url.path, error=type(error).__name__, exc_info=error)
    return Problem(500, f"The service made a mistake; it has been logged as {request_id}.")


def _error_page(request: Request, service: Context, visitor: Session | None, problem: Problem) -> Response:
    visit = Visit(request, service, visitor or Session(None, False, False, "", ""), {})
    text = templates.environment().get_template("error.html").render(visit=visit, Role=Role, problem=problem)
    return HTMLResponse(text, problem.status, HEADERS)
