"""Who does something: a person or client known by a token, or the service itself; and as part of which trace."""

from dataclasses import dataclass
from typing import Any, Self

import orjson

from hardware_orders import canonical
from hardware_orders.trace_context import Trace


@dataclass(frozen=True, slots=True)
class Actor:
    """`uid` is the token's `sub` or the API key's id; `name` its display name. The service has no uid.

    `trace` is that of the request, if its caller named one: what is done on the actor's behalf later, by a worker, is
    part of it too (docs/adr/0028).
    """

    uid: str | None
    name: str
    trace: Trace | None = None

    def as_text(self) -> str:
        """Canonical JSON, as stored and as told in events: `{"name":…,"type":"user","uid":…}`.

        Stored, it has the members of the trace besides.
        """
        members = self.trace.as_members() if self.trace else {}
        if self.uid is None:
            return canonical.text({**members, "name": self.name, "type": "service"})
        return canonical.text({**members, "name": self.name, "type": "user", "uid": self.uid})

    @classmethod
    def from_text(cls, stored: str) -> Self:
        fields: dict[str, Any] = orjson.loads(stored)
        parent = fields.get("traceparent")
        return cls(fields.get("uid"), fields["name"], Trace(parent, fields.get("tracestate", "")) if parent else None)


SERVICE = Actor(None, "Hardware Orders")
LOCAL_USER = Actor("00000000-0000-4000-8000-000000000001", "Local user")
"""Whoever is at the machine of an embedded system: its owner, who may do everything."""
