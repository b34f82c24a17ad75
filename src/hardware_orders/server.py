"""The API process: uvicorn around the application, which says that it is ready once it listens."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn

from hardware_orders import notify
from hardware_orders.app import create_app
from hardware_orders.connection import Connection, allow_files
from hardware_orders.settings import Settings

# Callers that wait get their answer within the bound of their wait; the process does not wait for slower ones.
STOP_SECONDS = 10
# uvicorn ticks ten times a second; connections are looked at once.
LOOK_TICKS = 10
# Of every answer, refusals of the connection's too; uvicorn keeps them as bytes. Whoever asked over plain HTTP ignores the
# last (RFC 6797, section 8.1): it is for those who come through a proxy that speaks TLS. A year, as is usual.
SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Strict-Transport-Security", "max-age=31536000"),
)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        """`on_stop` ends what would go on for as long as its reader likes."""
        super().__init__(config)
        self._on_stop = on_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stop()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            notify.ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % LOOK_TICKS == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.close_if_overdue(now)
        return await super().on_tick(counter)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises WrongSettingError for a configuration that cannot work."""
    allow_files()
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=Connection,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        headers=list(SECURITY_HEADERS),
        proxy_headers=False,  # nothing here depends on the caller's address
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    _Server(config, app.end_streams).run()
