"""Settings: from the environment (`HARDWARE_ORDERS_…`), a `.env` file and secret files, in this order.

A wrong one stops the start.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from hardware_orders.errors import WrongSettingError

PREFIX = "HARDWARE_ORDERS_"
DATABASE_SCHEMES = ("postgresql", "sqlite")
BROKER_SCHEMES = ("redis", "rediss", "redis+socket", "amqp", "amqps")
EVENTS_SCHEMES = ("redis", "rediss", "unix")
IDEMPOTENCY_DAYS = 7
# Where container engines mount them: a file for each setting, of its name, such as HARDWARE_ORDERS_DATABASE_URL.
SECRETS_DIR = Path("/run/secrets")

Network = IPv4Network | IPv6Network

_RATE = re.compile(r"(?P<requests>[1-9][0-9]{0,5})(?:/(?P<unit>second|minute|hour))?")
_SECONDS = {None: 1, "second": 1, "minute": 60, "hour": 3600}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds."""

    requests: int
    seconds: int


def _rate(text: str | None) -> Rate | None:
    if text is None:
        return None
    found = _RATE.fullmatch(text)
    if not found:
        remedy = "write requests in a time, such as 600/minute, 20/second or 5000/hour; a number alone is per second"
        raise PydanticCustomError("rate", remedy)
    return Rate(int(found["requests"]), _SECONDS[found["unit"]])


def _networks(text: str | tuple[Network, ...]) -> tuple[Network, ...]:
    if isinstance(text, tuple):
        return text
    try:
        return tuple(ip_network(item.strip()) for item in text.split(",") if item.strip())
    except ValueError:
        remedy = "write networks with commas between them, such as 10.20.0.0/16,fd00:1234::/48"
        raise PydanticCustomError("networks", remedy) from None


class IssuerSettings(NamedTuple):
    """The issuer whose tokens are taken: where its keys are, and what its tokens' `iss` and `aud` must be."""

    jwks_url: str
    name: str
    audience: str


class Settings(BaseSettings):
    """All settings of all processes. Times are in seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: str | None = Field(default=None, description="postgresql://… or sqlite:///path")
    broker_url: str | None = Field(default=None, description="redis://… or amqp://…")
    events_url: str | None = Field(default=None, description="redis://…: stream, notifications, cache")
    portfolio_url: str | None = Field(
        default=None, description="file:path of a portfolio file, or http(s)://… of a Portfolio Service"
    )
    portfolio_token: SecretStr | None = Field(default=None, description="a Bearer token for that service alone")
    data_dir: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    # The contract answers with the settled order; this is how long a caller's connection is held for it.
    wait_seconds: float = Field(default=5, ge=0, le=30)
    jwks_url: str | None = Field(default=None, description="https://…: the keys of the issuer of tokens (RFC 7517)")
    jwt_issuer: str | None = Field(default=None, description="what `iss` of its tokens is")
    jwt_audience: str | None = Field(default=None, description="what `aud` of tokens for this service is, or holds")
    local_signing_key: Path | None = Field(default=None, description="a file, made if it is missing")
    dashboard_open: bool = Field(default=False, description="no sign-in for whoever is at this machine itself")
    heartbeat_file: Path | None = Field(default=None, description="touched by a worker or relay that does its work")
    log_format: Literal["json", "console"] = "json"
    log_orders: bool = Field(default=True, description="one line for each order and step")
    # A stream shorter than 100,000 would forget events before a consumer that was away over a weekend returns.
    stream_maxlen: int = Field(default=1_000_000, ge=100_000)
    # A client that repeats a request does so within minutes; a week lets a person mend what stood still over a weekend.
    idempotency_days: int = Field(
        default=IDEMPOTENCY_DAYS, ge=1, le=365, description="how long an Idempotency-Key is kept"
    )
    event_days: int | None = Field(default=None, ge=1, description="how long an event is kept; unset: for ever")
    # As long as somebody may ask why a receiver did not get something; the beginnings of answers may hold personal data.
    webhook_attempt_days: int = Field(default=30, ge=4, le=3650, description="how long attempts of webhooks are kept")
    batch_days: int | None = Field(default=None, ge=1, description="how long a settled batch is kept; unset: for ever")
    rate_limit: Annotated[Rate | None, NoDecode, BeforeValidator(_rate)] = Field(
        default=None, description="for each caller, such as 600/minute; also the most at once. Unset: no limit"
    )
    webhook_allow: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = Field(
        default=(), description="networks that webhooks may be sent to besides public ones, such as 10.20.0.0/16"
    )
    secret_keys: SecretStr | None = Field(
        default=None, description="keys of webhooks' secrets: the first encrypts, each decrypts; commas between them"
    )
    secret_keys_file: Path | None = Field(default=None, description="a file of such keys, a line each")
    # An order is normally settled within a second, and within fifteen of the return of whatever was away.
    stalled_seconds: float = Field(
        default=60, ge=1, le=86_400, description="an order that waits for longer is told of, once, as order.stalled"
    )
    worker_concurrency: int = Field(default=1, ge=1, le=64)
    # Starts that may end in a killed process before an order is parked for a person to look at.
    max_attempts: int = Field(default=4, ge=1, le=20)

    # Of the commands about orders (order_commands.py), on any machine that the service can be reached from.
    url: str | None = Field(default=None, description="where the service is; on this machine if absent")
    token: SecretStr | None = Field(default=None, description="a Bearer token; one of the local key if absent")

    @property
    def is_embedded(self) -> bool:
        """True when no server is named, so that everything runs here, in `data_dir`."""
        return not (self.database_url or self.broker_url or self.events_url)

    @property
    def signing_key(self) -> Path | None:
        """Where the local key is, made or not; None when there is to be none."""
        return self.local_signing_key or (self.data_dir / "signing-key.json" if self.is_embedded else None)

    @property
    def secret_keys_path(self) -> Path | None:
        """Where the keys of webhooks' secrets are, unless they are in `secret_keys`; None when there is to be none."""
        return self.secret_keys_file or (self.data_dir / "secret-keys.txt" if self.is_embedded else None)

    @cached_property
    def database(self) -> str:
        return _url("DATABASE_URL", self.database_url, DATABASE_SCHEMES)

    @cached_property
    def broker(self) -> str:
        return _url("BROKER_URL", self.broker_url, BROKER_SCHEMES)

    @cached_property
    def events(self) -> str:
        return _url("EVENTS_URL", self.events_url, EVENTS_SCHEMES)

    @cached_property
    def issuer(self) -> IssuerSettings | None:
        """The issuer of tokens, or None without one. Raises WrongSettingError for half of one."""
        if not (self.jwks_url or self.jwt_issuer or self.jwt_audience):
            return None
        if not (self.jwks_url and self.jwt_issuer and self.jwt_audience):
            missing = [name for name in ("jwks_url", "jwt_issuer", "jwt_audience") if not getattr(self, name)]
            raise WrongSettingError(
                f"{PREFIX}{missing[0].upper()} is not set. Set JWKS_URL, JWT_ISSUER and JWT_AUDIENCE together: keys alone "
                f"do not say whose tokens, and for whom, are taken."
            )
        _require_safe(self.jwks_url)
        return IssuerSettings(self.jwks_url, self.jwt_issuer, self.jwt_audience)

    @property
    def key_lifetime(self) -> timedelta:
        return timedelta(days=self.idempotency_days)

    @property
    def event_lifetime(self) -> timedelta | None:
        return timedelta(days=self.event_days) if self.event_days else None

    @property
    def webhook_attempt_lifetime(self) -> timedelta:
        return timedelta(days=self.webhook_attempt_days)

    @property
    def batch_lifetime(self) -> timedelta | None:
        return timedelta(days=self.batch_days) if self.batch_days else None

    def require_servers(self) -> None:
        """Raise WrongSettingError unless database, broker and events are all named, each with a URL it can be."""
        _ = (self.database, self.broker, self.events)


def _url(name: str, value: str | None, schemes: tuple[str, ...]) -> str:
    if not value:
        raise WrongSettingError(
            f"{PREFIX}{name} is not set. Set the URLs of the database, the broker and the events Redis together, "
            f"or none of them: `hardware-orders up` then brings its own."
        )
    try:
        parts = urlsplit(value)
        _ = parts.port  # which is read only now
    except ValueError:
        raise WrongSettingError(
            f"{PREFIX}{name} has no host and port that can be read; correct them, and write what is special in a "
            f"password by its code, such as %2F for a slash."
        ) from None
    if parts.scheme not in schemes:
        raise WrongSettingError(f"{PREFIX}{name} must begin with one of {', '.join(f'{s}://' for s in schemes)}.")
    return value


def _require_safe(jwks_url: str) -> None:
    """Raise WrongSettingError unless what is fetched from there comes from there: over TLS, or from this machine."""
    try:
        parts = urlsplit(jwks_url)
        host, is_plain = parts.hostname, parts.scheme == "http" and is_loopback(parts.hostname)
    except ValueError:
        host, is_plain = None, False
    if not host or not (is_plain or parts.scheme == "https") or parts.username is not None:
        raise WrongSettingError(
            f"{PREFIX}JWKS_URL must begin with https:// and name a host, without a user; http:// only for this machine."
        )


def is_loopback(host: str | None) -> bool:
    """True for `localhost` and for addresses of this machine alone."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def load() -> Settings:
    """The settings of this process. Raises WrongSettingError with one readable line."""
    try:
        return Settings(_secrets_dir=SECRETS_DIR if SECRETS_DIR.is_dir() else None)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise WrongSettingError(f"{name} is wrong: {first['msg']}.") from None
