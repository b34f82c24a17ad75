"""Where the pages are. They are no operations of the API, and not in its document."""

from starlette.routing import Route

from hardware_orders.api.application import Application
from hardware_orders.api.authentication import Role
from hardware_orders.api.context import Context
from hardware_orders.dashboard import mend, now, order, orders, parked, portfolios, sign_in, static_files, webhooks
from hardware_orders.dashboard.attempts import Attempts
from hardware_orders.dashboard.live import Live
from hardware_orders.dashboard.pages import READERS, SIGN_IN, Board, Endpoint, nowhere, served
from hardware_orders.dashboard.session import PATH

_ANYBODY = tuple(Role)


def _get(path: str, endpoint: Endpoint, *roles: Role, **options: bool) -> Route:
    return Route(path, served(endpoint, *roles, **options), methods=["GET"])


def _post(path: str, endpoint: Endpoint, *roles: Role, **options: bool) -> Route:
    return Route(path, served(endpoint, *roles, **options), methods=["POST"])


ROUTES = [
    Route(static_files.PATH, static_files.served, methods=["GET"]),
    _get(PATH, now.page, *_ANYBODY),
    _get(f"{PATH}/history", now.history, is_of_all=True),
    _get(f"{PATH}/live", now.stream, is_of_all=True),
    _get(f"{PATH}/orders", orders.page, *READERS),
    _get(f"{PATH}/orders/{{orderId}}", order.page, *READERS),
    _get(f"{PATH}/orders/{{orderId}}/mend", mend.page, Role.ORDERS_WRITE),
    _post(f"{PATH}/orders/{{orderId}}/mend", mend.save, Role.ORDERS_WRITE),
    _post(f"{PATH}/orders/{{orderId}}/retry", parked.retry_one, Role.ORDERS_WRITE),
    _get(f"{PATH}/parked", parked.page, *READERS),
    _post(f"{PATH}/parked/confirm", parked.confirm, Role.ORDERS_WRITE),
    _post(f"{PATH}/parked/retry", parked.retry, Role.ORDERS_WRITE),
    _get(f"{PATH}/webhooks", webhooks.page, Role.WEBHOOKS_WRITE),
    _get(f"{PATH}/webhooks/{{endpointId}}", webhooks.one, Role.WEBHOOKS_WRITE),
    _post(f"{PATH}/webhooks/{{endpointId}}/redeliver", webhooks.redeliver, Role.WEBHOOKS_WRITE),
    _post(f"{PATH}/webhooks/{{endpointId}}/pause", webhooks.pause, Role.WEBHOOKS_WRITE),
    _post(f"{PATH}/webhooks/{{endpointId}}/resume", webhooks.resume, Role.WEBHOOKS_WRITE),
    _get(f"{PATH}/portfolios", portfolios.page, is_of_all=True),
    _get(SIGN_IN, sign_in.ask, is_public=True),
    _post(SIGN_IN, sign_in.enter, is_public=True),
    _post(f"{PATH}/sign-out", sign_in.leave, is_public=True),
    _get(f"{PATH}/{{path:path}}", nowhere, *_ANYBODY),
]


def open_board(app: Application, *, is_open: bool) -> None:
    """Make what the pages share, once the application's own parts are there."""
    service: Context = app.state.context
    live = Live(service.database, lambda watched: now.drawn(watched, service))
    app.state.board = Board(live, Attempts(), is_open)
    app.streams_end.append(live.stop)
