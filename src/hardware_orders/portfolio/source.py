"""From the setting PORTFOLIO_URL to the source that it names."""

from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hardware_orders.errors import WrongSettingError
from hardware_orders.portfolio.file_source import FileSource
from hardware_orders.portfolio.lookup import NotConfigured, Outcome, Source
from hardware_orders.portfolio.service_url import is_service_url
from hardware_orders.settings import PREFIX, is_loopback

SETTING = f"{PREFIX}PORTFOLIO_URL"
TOKEN_SETTING = f"{PREFIX}PORTFOLIO_TOKEN"


def lookup_from(url: str | None, *, token: str | None = None, events_url: str | None = None) -> Source:
    """The source at `file:/path`, `file:relative`, or `http(s)://…`; without a URL one that knows of none.

    `token` is for the service alone. What is known of the service is shared with other processes in the Redis at
    `events_url`. Raises WrongSettingError for anything else. A file or a service that is missing is no error here: it
    may come later.
    """
    if not url:
        return _NotConfigured()
    scheme, _, path = url.partition(":")
    if scheme.lower() in {"http", "https"}:
        from hardware_orders.portfolio.service import PortfolioService  # noqa: PLC0415  # its client, for files, is idle weight

        _require_service(url, token)
        return PortfolioService(url.rstrip("/"), token=token, events_url=events_url)
    path = unquote(path.removeprefix("//") if path.startswith("///") else path)
    if scheme != "file" or not path or path.startswith("//"):
        raise WrongSettingError(
            f"{SETTING} must be file:/path or file:relative/path of a YAML or JSON file, or http(s)://host of a "
            f"Portfolio Service."
        )
    return FileSource(Path(path))


def _require_service(url: str, token: str | None) -> None:
    if not is_service_url(url):
        raise WrongSettingError(
            f"{SETTING} must be http(s)://host, with a path where there is one, and without a user, a query or a "
            f"fragment; a password goes to {TOKEN_SETTING}."
        )
    if not token:
        return
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise WrongSettingError(f"{TOKEN_SETTING} must be one word of ASCII characters, as a Bearer token is.")
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise WrongSettingError(
            f"{TOKEN_SETTING} could be read by anybody on the way: {SETTING} must then begin with https://; http:// "
            f"only for this machine."
        )


class _NotConfigured:
    """A Source where none is configured."""

    def __call__(self, customer_entity_uids: Collection[str]) -> Mapping[str, Outcome]:
        return dict.fromkeys(customer_entity_uids, NotConfigured())

    at_hand = __call__

    def close(self) -> None:
        """There is nothing to end."""
