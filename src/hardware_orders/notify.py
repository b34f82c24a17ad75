"""Tells whoever started this process that it is ready, by sd_notify(3), and later that it still does its work."""

import os
import socket
from contextlib import suppress
from pathlib import Path


def ready() -> None:
    """Send `READY=1` to `$NOTIFY_SOCKET`; without that variable nobody asked, and nothing happens.

    A supervisor that has gone away must not stop a process that has just come up, so a failed send is ignored.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notification:
        try:
            notification.sendto(b"READY=1", address)
        except OSError:
            return


def alive(heartbeat_file: Path | None) -> None:
    """Touch this file, whose age a health check looks at; without one nobody asked, and nothing happens.

    A file that cannot be touched must not stop the work: the check sees its age.
    """
    if heartbeat_file is not None:
        with suppress(OSError):
            heartbeat_file.touch()
