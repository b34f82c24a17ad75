"""One line of a batch: an order's body, in which `saveDraft`, `simplified` and `idempotencyKey` may stand besides."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hardware_orders import canonical
from hardware_orders.api import hardware, headers, strict_json
from hardware_orders.api.ndjson import RawLine
from hardware_orders.api.principal import Principal
from hardware_orders.api.problems import invalid_field
from hardware_orders.intake.batches import Line
from hardware_orders.intake.group_commit import Request
from hardware_orders.intake.idempotency import Key

# No member of an order has these names.
SAVE_DRAFT, SIMPLIFIED, IDEMPOTENCY_KEY = OPTIONS = ("saveDraft", "simplified", "idempotencyKey")
# Orders of a batch are rung for in their turn, which takes seconds; the sweep would ring for all of them at once, before
# the single orders that come.
PATIENCE = timedelta(seconds=10)
_TOO_LONG = b"a line that is too long is not kept, not even for its hash"


class Reader:
    """Reads the lines of one caller's batch. `save_draft` and `simplified` hold for lines that do not say."""

    def __init__(self, principal: Principal, batch_id: str, *, save_draft: bool, simplified: bool) -> None:
        self._principal = principal
        self._batch_id = batch_id
        self._save_draft = save_draft
        self._simplified = simplified
        self._said = f"POST\n/orders/hardware/batch\n{save_draft}\n{simplified}\n".encode()

    def line(self, raw: RawLine) -> Line:
        """The line's place and hash, before anybody has looked into it."""
        digest = hashlib.sha256(self._said + (_TOO_LONG if raw.raw is None else raw.raw))
        return Line(self._batch_id, raw.index, digest.hexdigest())

    def request(self, raw: RawLine, line: Line) -> Request:
        """The order on the line. Raises Problem for one that cannot be read, or is no order of this caller's."""
        if raw.raw is None:
            raise invalid_field("", "too_long", "must be no larger than the 4 MiB that an order may have")
        sent, value = strict_json.parse(raw.raw)
        options, body = _parted(value)
        command = hardware.checked(
            self._principal,
            sent if body is value else canonical.text(body),
            body,
            save_draft=_boolean(options, SAVE_DRAFT, default=self._save_draft),
            simplified=_boolean(options, SIMPLIFIED, default=self._simplified),
            patience=PATIENCE,
        )
        return Request(command, _key(options, self._principal.actor.uid or "", line.line_hash), line)


def _parted(value: Any) -> tuple[Mapping[str, Any], Any]:
    if not isinstance(value, dict) or value.keys().isdisjoint(OPTIONS):
        return {}, value
    return value, {name: member for name, member in value.items() if name not in OPTIONS}


def _boolean(options: Mapping[str, Any], name: str, *, default: bool) -> bool:
    said = options.get(name, default)
    if not isinstance(said, bool):
        raise invalid_field(name, "not_boolean", "must be true or false")
    return said


def _key(options: Mapping[str, Any], caller: str, request_hash: str) -> Key | None:
    if IDEMPOTENCY_KEY not in options:
        return None
    key = options[IDEMPOTENCY_KEY]
    if not (isinstance(key, str) and headers.is_key(key)):
        remedy = f"must be 1 to {headers.KEY_MOST_CHARACTERS} visible ASCII characters"
        raise invalid_field(IDEMPOTENCY_KEY, "bad_key", remedy)
    return Key(caller, key, request_hash)
