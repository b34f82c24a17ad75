"""`python -m hardware_orders.embedded.fake_redis PORT`: Redis in Python's memory, where no Valkey can be had."""

import signal
import sys
from types import FrameType

from fakeredis import TcpFakeServer

from hardware_orders import notify


def serve(port: int) -> None:
    """Answer on this port of the loopback interface until SIGTERM. Nothing is kept."""
    server = TcpFakeServer(("127.0.0.1", port), server_type="valkey")
    # With Nagle's algorithm every answer waits for the one before it: 11 Celery messages a second instead of 248.
    server.RequestHandlerClass.disable_nagle_algorithm = True
    # Connections stay open for as long as their clients live; the end does not wait for them.
    server.daemon_threads = True
    server.block_on_close = False
    signal.signal(signal.SIGTERM, _end)
    notify.ready()
    server.serve_forever()


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
