"""Tells whoever started this process that it is ready: systemd's notification protocol, sd_notify(3)."""

import os
import socket


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
