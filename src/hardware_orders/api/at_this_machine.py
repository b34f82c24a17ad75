"""Whether a request comes from this machine: where that is allowed, such a caller needs no token."""

from urllib.parse import urlsplit

from fastapi import Request

from hardware_orders.settings import is_loopback

# What a proxy adds; whoever comes through one is not at this machine, whatever address the connection has.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def asks(request: Request) -> bool:
    """By the connection's address, and by the name that was asked for: a foreign name may lead to this address too."""
    if request.client is None or not is_loopback(request.client.host):
        return False
    # A proxy says so as a rule. One that was set up without a thought speaks HTTP/1.0, which no browser does.
    if any(name in request.headers for name in _FORWARDED) or request.scope["http_version"] == "1.0":
        return False
    try:
        return is_loopback(urlsplit(f"//{request.headers.get('host', '')}").hostname)
    except ValueError:
        return False
