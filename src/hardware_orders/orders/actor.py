"""Who does something: a person or client known by a token, or the service itself."""

import json
from dataclasses import dataclass
from typing import Any, Self

from hardware_orders import canonical


@dataclass(frozen=True, slots=True)
class Actor:
    """`uid` is the token's `sub`; `name` its display name. The service has no uid."""

    uid: str | None
    name: str

    def as_text(self) -> str:
        """Canonical JSON, as stored and as told in events: `{"name":…,"type":"user","uid":…}`."""
        if self.uid is None:
            return canonical.text({"name": self.name, "type": "service"})
        return canonical.text({"name": self.name, "type": "user", "uid": self.uid})

    @classmethod
    def from_text(cls, stored: str) -> Self:
        fields: dict[str, Any] = json.loads(stored)
        return cls(fields.get("uid"), fields["name"])


SERVICE = Actor(None, "Hardware Orders")
