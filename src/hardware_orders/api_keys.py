"""API keys: `hw_<id>_<secret>`, for clients without an issuer of tokens. Shown once; the database holds a digest."""

import hashlib
import hmac
import math
import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from hardware_orders import identifiers
from hardware_orders.database import Database
from hardware_orders.tables import api_keys

log = structlog.get_logger()

# As many bits as the digest has: whoever reads the table cannot find a key by trying, and neither salt nor slow hash is
# needed.
SECRET_BYTES = 32
FORM = re.compile(rf"hw_(?P<key_id>{identifiers.UUID_PATTERN})_[A-Za-z0-9_-]{{43}}")
# When a key was last used is told to the hour: a write for every request would cost more than the rest of it.
USED_EVERY = timedelta(hours=1)

_C = api_keys.c
_FIND = select(api_keys).where(_C.key_id == bindparam("key_id"))
_ALL = select(api_keys).order_by(_C.key_id)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown. `entities` are customers, or `*` alone for all; no instant means "not so far"."""

    key_id: str
    name: str
    entities: tuple[str, ...]
    roles: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def seconds_left(self, now: datetime) -> float:
        """For how long the key is good; 0 when it was revoked or has expired."""
        if self.revoked_at is not None:
            return 0
        return math.inf if self.expires_at is None else max((self.expires_at - now).total_seconds(), 0)


Find = Callable[[str], tuple[ApiKey, float] | None]


def create(
    database: Database, *, name: str, entities: Collection[str], roles: Collection[str], days: float | None = None
) -> tuple[ApiKey, str]:
    """Make a key that is good for so many days, or until it is revoked; returns it with its text, for the only time."""
    key_id = identifiers.new()
    text = f"hw_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
    with database.write() as connection:
        now = database.now(connection)
        expires_at = None if days is None else now + timedelta(days=days)
        key = ApiKey(key_id, name, tuple(entities), tuple(roles), now, expires_at, None, None)
        row = {
            "key_id": key_id,
            "digest": _digest(text),
            "name": name,
            "entities": orjson.dumps(key.entities).decode(),
            "roles": orjson.dumps(key.roles).decode(),
            "created_at": now,
            "expires_at": expires_at,
        }
        connection.execute(insert(api_keys), row)
    return key, text


def find(database: Database, text: str) -> tuple[ApiKey, float] | None:
    """The key of this text, and for how many seconds more it is good; None when there is none, or none any more.

    Raises what SQLAlchemy raises while the database is away.
    """
    form = FORM.fullmatch(text)
    if form is None:
        return None
    with database.read() as connection:
        row = connection.execute(_FIND, {"key_id": form["key_id"]}).one_or_none()
        now = database.now(connection)
    if row is None or not hmac.compare_digest(row.digest, _digest(text)):
        return None
    key = _key(row)
    seconds = key.seconds_left(now)
    if not seconds:
        return None
    if key.last_used_at is None or now - key.last_used_at >= USED_EVERY:
        _write_used(database, key.key_id, now)
    return key, seconds


def read_all(database: Database) -> list[ApiKey]:
    """All keys, the oldest first; those that are no longer good, too."""
    with database.read() as connection:
        return [_key(row) for row in connection.execute(_ALL)]


def revoke(database: Database, key_id: str) -> ApiKey | None:
    """End the key for good; returns it as it then stands, or None when there is none. Twice is no fault."""
    if not identifiers.is_uuid(key_id):
        return None
    with database.write() as connection:
        mine = _C.key_id == key_id
        changed = {"revoked_at": database.now(connection)}
        connection.execute(update(api_keys).where(mine, _C.revoked_at.is_(None)).values(changed))
        row = connection.execute(select(api_keys).where(mine)).one_or_none()
    return None if row is None else _key(row)


def is_any_good(database: Database) -> bool:
    """True when somebody could sign in with a key now."""
    with database.read() as connection:
        is_unexpired = or_(_C.expires_at.is_(None), _C.expires_at > database.now(connection))
        good = select(_C.key_id).where(_C.revoked_at.is_(None), is_unexpired).limit(1)
        return connection.execute(good).first() is not None


def _write_used(database: Database, key_id: str, now: datetime) -> None:
    """For people to see which keys nobody uses any more: worth a write an hour, and no failed request."""
    try:
        with database.write() as connection:
            connection.execute(update(api_keys).where(_C.key_id == key_id).values(last_used_at=now))
    except SQLAlchemyError as error:
        log.warning("api_key_use_not_written", key_id=key_id, error=type(error).__name__)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _key(row: Any) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        name=row.name,
        entities=tuple(orjson.loads(row.entities)),
        roles=tuple(orjson.loads(row.roles)),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
