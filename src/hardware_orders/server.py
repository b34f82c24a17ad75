"""The API process: uvicorn around the application, which says that it is ready once it listens."""

import socket

import uvicorn

from hardware_orders import notify
from hardware_orders.app import create_app
from hardware_orders.settings import Settings

# Callers that wait get their answer within the bound of their wait; the process does not wait for slower ones.
STOP_SECONDS = 10
# Connections beyond this are told 503 rather than queued in memory.
CONNECTIONS_MOST = 5_000


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            notify.ready()


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises WrongSettingError for a configuration that cannot work."""
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here depends on the caller's address
        limit_concurrency=CONNECTIONS_MOST,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    _Server(config).run()
