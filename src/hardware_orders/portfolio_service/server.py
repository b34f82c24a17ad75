"""The service's process: uvicorn around the application, on connections that can be broken."""

import socket
from collections.abc import Callable

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hardware_orders.portfolio.file_source import FileSource
from hardware_orders.portfolio_service.application import create_app
from hardware_orders.portfolio_service.misbehaviour import BEHAVING, Misbehaviour
from hardware_orders.portfolio_service.spoiling import TRANSPORT

# What is slow on purpose is not waited for.
STOP_SECONDS = 1
# Beyond them callers get 503: more than any client that bounds its connections opens.
CONNECTIONS_MOST = 1_000
# Longer than clients keep a connection that they do not use, so that none asks on one that is just being closed.
KEEP_ALIVE_SECONDS = 75


class _Connection(HttpToolsProtocol):
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}


class Server(uvicorn.Server):
    """`run()` serves until SIGTERM or Ctrl-C, or until `should_exit` is set; `on_listening` is told the URL."""

    def __init__(
        self,
        source: FileSource,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        max_age: int = 60,
        token: str | None = None,
        misbehaviour: Misbehaviour = BEHAVING,
        on_listening: Callable[[str], None] = lambda _: None,
    ) -> None:
        app = create_app(source, max_age=max_age, token=token, misbehaviour=misbehaviour)
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                http=_Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # who may steer it is told by the connection
                limit_concurrency=CONNECTIONS_MOST,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._on_listening(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
