"""The schemas of a batch: how far it has come, and what became of its lines (`intake/batch_progress.py`)."""

from hardware_orders.api.document import reference
from hardware_orders.api.document.objects import Schema, an_object, array, one_of, text, whole_number, words
from hardware_orders.contract.body import MOST_ERRORS
from hardware_orders.contract.enums import Status
from hardware_orders.contract.scalars import UUID_PATTERN
from hardware_orders.intake.batch_progress import FAILED, BatchStatus


def schemas() -> dict[str, Schema]:
    return {**_batch(), **_lines()}


def _batch() -> dict[str, Schema]:
    return {
        "BatchStatusEnum": words(
            BatchStatus,
            "How far a batch has come. RECEIVING: its upload runs, or broke and can be sent again. SETTLING: every line has "
            "been read, and orders of it wait to be settled.",
        ),
        "ItemStatusEnum": words(
            (*Status, FAILED),
            "The order's status, CANCELLED for one that was discarded; FAILED for a line that made no order.",
        ),
        "OrderBatch": an_object(
            "A batch as far as it has come.",
            {
                "batchId": text("The batch's id.", format="uuid", pattern=UUID_PATTERN),
                "status": reference.schema("BatchStatusEnum"),
                "accepted": whole_number("Lines that made an order."),
                "settled": whole_number("Those of them whose order is settled."),
                "failed": whole_number("Lines that made no order."),
                "settledAt": {
                    "type": ["string", "null"],
                    "format": "date-time",
                    "description": "When it was noted that the whole batch had settled, within a second of it; null before.",
                },
                "items": array(
                    "What became of the lines, in their order; none in the answer to an upload.",
                    reference.schema("BatchItem"),
                ),
                "nextCursor": {
                    "type": ["string", "null"],
                    "description": "What to send as `cursor` to go on from here; null when nothing follows.",
                },
            },
            {
                "resumedFrom": {
                    "type": ["integer", "null"],
                    "minimum": 0,
                    "description": "In the answer to an upload that was sent again: the index of the first line that was new; "
                    "null when none was.",
                }
            },
        ),
    }


def _lines() -> dict[str, Schema]:
    return {
        # Of no type: what is no JSON document is of none (OpenAPI 3.1), and any bytes are lines that may fail one by one.
        "OrderLines": {
            "description": "Orders as NDJSON, one a line. A line is an order's body, in which `saveDraft`, `simplified` and "
            "`idempotencyKey` may stand besides.",
        },
        "BatchItems": {
            "type": "string",
            "description": "The items as NDJSON, one a line, each as in `items` of the JSON answer.",
        },
        "BatchItem": an_object(
            "What became of a line.",
            {
                "index": whole_number("The line's index, counted from 0 over all lines."),
                "orderReference": _or_null(
                    "The order's reference; null for a line that failed, and once the order is discarded."
                ),
                "orderId": _or_null("The order's id; null for a line that failed.", format="uuid"),
                "status": reference.schema("ItemStatusEnum"),
                "error": {
                    "anyOf": [reference.schema("LineError"), {"type": "null"}],
                    "description": "What is wrong with a line that failed; null for others.",
                },
            },
        ),
        "LineError": an_object(
            "Why a line made no order: the first field at fault, and all of them.",
            {
                "line": whole_number("The line's number, counted from 1.", 1),
                "param": text("The field, as a path; empty for the line as a whole."),
                "code": text("What is wrong, as a stable word."),
                "message": text("A sentence with the remedy."),
                "errors": array(
                    "The fields at fault; what was sent is not repeated.",
                    one_of("FieldError", "A field at fault."),
                    minItems=1,
                    maxItems=MOST_ERRORS,
                ),
            },
        ),
    }


def _or_null(description: str, **keywords: str) -> Schema:
    return {"type": ["string", "null"], "description": description, **keywords}
