"""Whether a URL is that of a Portfolio Service. Apart from its client, which is loaded only where there is a service."""

from urllib.parse import urlsplit


def is_service_url(url: str) -> bool:
    """True for http(s):// with a host, and nothing that does not belong to where a service is: no user, no query."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # which is read only now
    except ValueError:
        return False
    has_more = parts.username is not None or parts.query or parts.fragment or not url.isprintable() or " " in url
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not has_more
