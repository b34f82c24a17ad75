"""The schemas of the one error body: `Problem` and its `FieldError`."""

from hardware_orders.api.document import reference
from hardware_orders.api.document.objects import Schema, an_object, array, instant, text
from hardware_orders.api.problems import TYPES
from hardware_orders.contract.body import MOST_ERRORS


def schemas() -> dict[str, Schema]:
    return {
        "Problem": an_object(
            "What went wrong: RFC 9457 problem details, with the vendor's error members beside them.",
            {
                "type": text("The kind of error; a relative reference, as RFC 9457 has it.", enum=list(TYPES)),
                "title": text("The status in words."),
                "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status."},
                "detail": text("One sentence that says what is wrong and how to mend it."),
                "instance": text("The path that was asked for.", format="uri-reference"),
                "code": text("The HTTP status as text.", pattern="^[45][0-9]{2}$"),
                "message": text("The same sentence as `detail`."),
                "timestamp": instant("When it happened."),
            },
            {
                "param": text("The first field, header or parameter at fault, as a path."),
                "errors": array(
                    "The fields at fault; what was sent is not repeated.",
                    reference.schema("FieldError"),
                    minItems=1,
                    maxItems=MOST_ERRORS,
                ),
                "changes": array(
                    "Why a draft was not submitted: what a newer portfolio would derive differently.",
                    reference.schema("PortfolioChange"),
                    minItems=1,
                ),
            },
        ),
        "FieldError": an_object(
            "One field at fault.",
            {
                "param": text(
                    "Its path; empty for the body as a whole.", examples=["merchant.pois[3].devicePackage.quantity"]
                ),
                "code": text("What is wrong, as a stable word.", pattern="^[a-z0-9_]+$", examples=["too_small"]),
                "message": text("What is wrong, and how to mend it, as a sentence."),
            },
        ),
    }
