"""Settings: from the environment (`HARDWARE_ORDERS_…`), a `.env` file and secret files. A wrong one stops the start."""

from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from hardware_orders.errors import WrongSettingError

PREFIX = "HARDWARE_ORDERS_"
DATABASE_SCHEMES = ("postgresql", "sqlite")
BROKER_SCHEMES = ("redis", "rediss", "redis+socket", "amqp", "amqps")
EVENTS_SCHEMES = ("redis", "rediss", "unix")


class Settings(BaseSettings):
    """All settings of all processes. Times are in seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, secrets_dir=None, extra="ignore", frozen=True
    )

    database_url: str | None = Field(default=None, description="postgresql://… or sqlite:///path")
    broker_url: str | None = Field(default=None, description="redis://… or amqp://…")
    events_url: str | None = Field(default=None, description="redis://…: stream, notifications, cache")
    portfolio_url: str | None = Field(default=None, description="file:path of a portfolio file")
    data_dir: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    # The contract answers with the settled order; this is how long a caller's connection is held for it.
    wait_seconds: float = Field(default=5, ge=0, le=30)
    local_signing_key: Path | None = Field(default=None, description="a file, made if it is missing")
    heartbeat_file: Path | None = Field(default=None, description="touched by a worker or relay that does its work")
    log_format: Literal["json", "console"] = "json"
    # A stream shorter than 100,000 would forget events before a consumer that was away over a weekend returns.
    stream_maxlen: int = Field(default=1_000_000, ge=100_000)
    worker_concurrency: int = Field(default=1, ge=1, le=64)
    # Starts that may end in a killed process before an order is parked for a person to look at.
    max_attempts: int = Field(default=4, ge=1, le=20)

    @property
    def is_embedded(self) -> bool:
        """True when no server is named, so that everything runs here, in `data_dir`."""
        return not (self.database_url or self.broker_url or self.events_url)

    @cached_property
    def database(self) -> str:
        return _url("DATABASE_URL", self.database_url, DATABASE_SCHEMES)

    @cached_property
    def broker(self) -> str:
        return _url("BROKER_URL", self.broker_url, BROKER_SCHEMES)

    @cached_property
    def events(self) -> str:
        return _url("EVENTS_URL", self.events_url, EVENTS_SCHEMES)

    def require_servers(self) -> None:
        """Raise WrongSettingError unless database, broker and events are all named, each with a URL it can be."""
        _ = (self.database, self.broker, self.events)


def _url(name: str, value: str | None, schemes: tuple[str, ...]) -> str:
    if not value:
        raise WrongSettingError(
            f"{PREFIX}{name} is not set. Set the URLs of the database, the broker and the events Redis together, "
            f"or none of them: `hardware-orders up` then brings its own."
        )
    if urlsplit(value).scheme not in schemes:
        raise WrongSettingError(f"{PREFIX}{name} must begin with one of {', '.join(f'{s}://' for s in schemes)}.")
    return value


def load() -> Settings:
    """The settings of this process. Raises WrongSettingError with one readable line."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise WrongSettingError(f"{name} is wrong: {first['msg']}.") from None
