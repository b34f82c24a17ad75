"""The service's two sides: the lookup that the contract defines, and what trials and tests steer it by."""

import hmac

import structlog
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hardware_orders import identifiers
from hardware_orders.portfolio.file_source import FileSource
from hardware_orders.portfolio.lookup import Found, Unavailable
from hardware_orders.portfolio_service import answers
from hardware_orders.portfolio_service.answers import Answer, problem
from hardware_orders.portfolio_service.calls import Calls
from hardware_orders.portfolio_service.misbehaviour import BEHAVING, Misbehaviour, Mode, Switch
from hardware_orders.portfolio_service.spoiling import MOVED_PATH, spoilt
from hardware_orders.settings import is_loopback

# A misbehaviour takes a hundred bytes.
CONTROL_MOST_BYTES = 4 * 2**10
# In which a caller may be told that it has the answer already.
_REVALIDATING = {Mode.NONE, Mode.SLOW}

log = structlog.get_logger()


def create_app(source: FileSource, *, max_age: int, token: str | None, misbehaviour: Misbehaviour) -> Starlette:
    """`max_age` in seconds; with a `token` the lookup wants it as Bearer."""
    lookup = _Lookup(source, max_age, token, Switch(misbehaviour))

    async def health(_request: Request) -> Response:
        # Serving on what was read before is no reason to be taken out of service; whoever looks is told.
        source(())
        return JSONResponse({"status": "ok"} if source.fault is None else {"status": "ok", "fault": source.fault})

    control = _Control(lookup)
    app = Starlette(
        routes=[
            Route("/portfolios", lookup, methods=["GET"]),
            Route(MOVED_PATH, lookup.moved),
            Route("/healthz", health),
            Route("/misbehaviour", control.misbehaviour, methods=["GET", "PUT", "DELETE"]),
            Route("/calls", control.calls, methods=["GET", "DELETE"]),
        ],
        exception_handlers={HTTPException: _refused},
    )
    app.router.redirect_slashes = False
    return app


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for no other
    sentences = {404: "There is nothing at this path; GET /portfolios?customerEntityUid=… looks a customer up."}
    return problem(error.status_code, sentences.get(error.status_code, error.detail), **error.headers or {}).response()


class _Lookup:
    """`GET /portfolios?customerEntityUid={uuid}`."""

    def __init__(self, source: FileSource, max_age: int, token: str | None, switch: Switch) -> None:
        self.calls = Calls()
        self.switch = switch
        self._source = source
        self._max_age = max_age
        self._authorization = f"Bearer {token}".encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        customer = _customer(request)
        with self.calls.counted(customer):
            app = self._refusal(request, customer) or self._answer(request, str(customer))
            await app(scope, receive, send)

    async def moved(self, request: Request) -> Response:
        """Where `redirect` sends to: the right answer, for a client that should not have come."""
        self.calls.followed += 1
        customer = _customer(request)
        return self._refusal(request, customer) or self._found(str(customer)).response()

    def _refusal(self, request: Request, customer: str | None) -> Response | None:
        authorization = request.headers.get("authorization", "").encode("latin-1")  # as it came
        if self._authorization and not hmac.compare_digest(authorization, self._authorization):
            remedy = "Send the token that this service was started with, as Authorization: Bearer."
            return problem(401, remedy, WWW_Authenticate="Bearer").response()
        if customer is None:
            remedy = "customerEntityUid must be given once, as a UUID in lower case with hyphens."
            return problem(400, remedy).response()
        return None

    def _answer(self, request: Request, customer: str) -> ASGIApp:
        answer = self._found(customer)
        spoiling = self.switch.take()
        if spoiling.mode in _REVALIDATING and answers.has(request.headers.get("if-none-match"), answer):
            self.calls.not_modified += 1
            answer = answers.unchanged(answer)
        return spoilt(answer, spoiling, request.url.query)

    def _found(self, customer: str) -> Answer:
        outcome = self._source([customer])[customer]
        if isinstance(outcome, Found):
            return answers.found(outcome.portfolios, self._max_age)
        if isinstance(outcome, Unavailable):
            return problem(503, outcome.reason)
        return problem(404, "There is no customer of this id.")


def _customer(request: Request) -> str | None:
    """The customer that is asked for; None when there is not exactly one that can be."""
    given = request.query_params.getlist("customerEntityUid")
    return given[0] if len(given) == 1 and identifiers.is_uuid(given[0]) else None


class _Control:
    """`/misbehaviour` and `/calls`, for this machine alone."""

    def __init__(self, lookup: _Lookup) -> None:
        self._lookup = lookup

    async def misbehaviour(self, request: Request) -> Response:
        """GET what it is, PUT another, DELETE to behave."""
        if not _is_of_this_machine(request):
            return _elsewhere()
        switch = self._lookup.switch
        if request.method == "PUT":
            try:
                switch.put(Misbehaviour.model_validate_json(await _body(request)))
            except ValidationError as error:
                fault = error.errors(include_url=False)[0]
                where = ".".join(str(step) for step in fault["loc"]) or "the body"
                return problem(400, f"{where}: {fault['msg']}.").response()
        elif request.method == "DELETE":
            switch.put(BEHAVING)
        if request.method != "GET":
            log.info("misbehaviour_changed", **switch.now.model_dump(mode="json", exclude_none=True))
        return JSONResponse(switch.now.model_dump(mode="json", exclude_none=True))

    async def calls(self, request: Request) -> Response:
        """GET the counts; DELETE to count from zero, with the counts until then."""
        if not _is_of_this_machine(request):
            return _elsewhere()
        counted = self._lookup.calls.as_json()
        if request.method == "DELETE":
            self._lookup.calls.clear()
        return JSONResponse(counted)


def _is_of_this_machine(request: Request) -> bool:
    return request.client is not None and is_loopback(request.client.host)


def _elsewhere() -> Response:
    return problem(403, "Only this machine may steer the service; ask from where it runs, at 127.0.0.1.").response()


async def _body(request: Request) -> bytes:
    """As much of the body as a misbehaviour may take; what is longer is cut, and then no JSON."""
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > CONTROL_MOST_BYTES:
            break
    return content[:CONTROL_MOST_BYTES]
