"""What the service answers, typed: the members that programs ask for, over the JSON that holds all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

RECEIVED = "RECEIVED"
EVENT_TYPE_PREFIX = "hardware-orders."


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stood when it was answered.

    `json` is the whole answer: the order's body, what the service adds, and members that this client does not know.
    `etag` names the version that was read; an order found by a search has none. `is_settled` is false while the service
    has yet to decide what becomes of the order.
    """

    json: Mapping[str, Any]
    etag: str | None = None
    is_settled: bool = True

    @property
    def order_id(self) -> str:
        return str(self.json["orderId"])

    @property
    def reference(self) -> str:
        return str(self.json["orderReference"])

    @property
    def customer_entity_uid(self) -> str:
        return str(self.json["customerEntityUid"])

    @property
    def status(self) -> str:
        """RECEIVED, DRAFT, SUBMITTED, INPROGRESS, ONHOLD, COMPLETED or CANCELLED."""
        return str(self.json["status"])

    @property
    def detailed_status(self) -> str | None:
        return self._details.get("status")

    @property
    def code(self) -> str | None:
        """Why the order stands where it stands, `MISSING_FIELDS` for one; None when there is nothing to say."""
        return self._details.get("code")

    @property
    def information(self) -> str | None:
        """The code in a sentence."""
        return self._details.get("information")

    @property
    def can_cancel(self) -> bool:
        return bool(self._details.get("canCancel"))

    @property
    def created_date(self) -> datetime:
        return datetime.fromisoformat(self.json["createdDate"])

    @property
    def modified_date(self) -> datetime:
        return datetime.fromisoformat(self.json["modifiedDate"])

    @property
    def derived_fields(self) -> tuple[Mapping[str, Any], ...]:
        """What the service derived, each `{pointer, value, origin, portfolioUid, version, rule}`."""
        return tuple(self.json.get("internal", {}).get("derivedFields") or ())

    @property
    def portfolio_changes(self) -> tuple[Mapping[str, Any], ...]:
        """What stopped the draft's submission (PORTFOLIO_CHANGED), each `{pointer, old, new}`; absent sides left out."""
        return tuple(self.json.get("internal", {}).get("portfolioChanges") or ())

    @property
    def _details(self) -> Mapping[str, Any]:
        details: Mapping[str, Any] = self.json.get("internal", {}).get("extendedDetails") or {}
        return details


@dataclass(frozen=True, slots=True)
class Preview:
    """An order as its customer's portfolio would complete it; there is no order of it. `json` is the whole answer."""

    json: Mapping[str, Any]

    @property
    def order(self) -> Mapping[str, Any]:
        """The completed body."""
        body: Mapping[str, Any] = self.json["order"]
        return body

    @property
    def derived_fields(self) -> tuple[Mapping[str, Any], ...]:
        """What was not sent, each `{pointer, value, origin, portfolioUid, version, rule}`."""
        return tuple(self.json["derivedFields"])

    @property
    def missing(self) -> tuple[str, ...]:
        """Pointers of required fields that are neither sent nor derived: with one of them an order is not submitted."""
        return tuple(self.json["missing"])


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as far as it has come. `json` is the whole answer."""

    json: Mapping[str, Any]

    @property
    def batch_id(self) -> str:
        return str(self.json["batchId"])

    @property
    def is_settled(self) -> bool:
        return bool(self.json["status"] == "SETTLED")

    @property
    def accepted(self) -> int:
        return int(self.json["accepted"])

    @property
    def settled(self) -> int:
        return int(self.json["settled"])

    @property
    def failed(self) -> int:
        return int(self.json["failed"])

    @property
    def resumed_from(self) -> int | None:
        """The index of the first line that no earlier upload had sent; None when there was none, or no earlier upload."""
        index: int | None = self.json.get("resumedFrom")
        return index


@dataclass(frozen=True, slots=True)
class Event:
    """One event of an order (docs/events.md). `json` is the whole CloudEvent."""

    json: Mapping[str, Any]

    @property
    def event_id(self) -> str:
        return str(self.json["id"])

    @property
    def type(self) -> str:
        """`order.submitted` and so on: the CloudEvent's type without its prefix."""
        return str(self.json["type"]).removeprefix(EVENT_TYPE_PREFIX)

    @property
    def time(self) -> datetime:
        return datetime.fromisoformat(self.json["time"])

    @property
    def sequence(self) -> int:
        """Counts the order's events from 1."""
        return int(self.json["data"]["sequence"])

    @property
    def position(self) -> int | None:
        """Counts all events of all orders; None for the moment until it has been given."""
        position: int | None = self.json["data"].get("position")
        return position

    @property
    def previous_status(self) -> str | None:
        status: str | None = self.json["data"].get("previousStatus")
        return status

    @property
    def status(self) -> str:
        return str(self.json["data"]["status"])

    @property
    def actor(self) -> str:
        """The name of the person, or of the part of the service, that acted."""
        actor = self.json["data"].get("actor") or {}
        return str(actor.get("name") or actor.get("uid") or "-")

    @property
    def changes(self) -> tuple[Mapping[str, Any], ...]:
        """Each `{pointer, old, new}`; of an event above 256 KiB only the pointers."""
        return tuple(self.json["data"].get("changes") or ())
