"""The orders that both sides get, as requests ready to send, and the portfolios that complete the simplified half."""

import json
import random
from collections.abc import Mapping
from typing import Any

CUSTOMERS = 200
DRAFT_SHARE = 0.2
SIMPLIFIED_SHARE = 0.5
# Text that brings a body to about 400 bytes, what an order without terminals usually has.
NOTES = "Deliver to the goods-in at the back of the building between nine and eleven, and ring before you come. " * 2

DEFAULTS = {"payment_type": "ACCOUNT", "package_bundle_id": "BASE_RETAIL", "price": "29.00"}
"""The three values that a simplified order gets, on both sides."""


def customer_entity_uid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def requests(count: int, *, prefix: str, path: str, headers: Mapping[str, str]) -> list[bytes]:
    """HTTP/1.1 requests of `count` orders whose references are `<prefix>-<number>`.

    The mix of customers, drafts and simplified orders is random and yet the same for every call.
    """
    mix = random.Random(20261123)  # noqa: S311 - a fixed seed, so that every round sends the same mix
    common = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{common}"
    return [_request(head, _body(prefix, number, mix), mix) for number in range(count)]


def lines(count: int, *, prefix: str) -> list[bytes]:
    """The same orders as the lines of a batch."""
    mix = random.Random(20261123)  # noqa: S311
    made = []
    for number in range(count):
        body = _body(prefix, number, mix)
        flags = {"saveDraft": mix.random() < DRAFT_SHARE, "simplified": mix.random() < SIMPLIFIED_SHARE}
        made.append(json.dumps({**body, **flags}).encode() + b"\n")
    return made


def _body(prefix: str, number: int, mix: random.Random) -> dict[str, str]:
    return {
        "orderReference": f"{prefix}-{number}",
        "customerEntityUid": customer_entity_uid(mix.randrange(CUSTOMERS)),
        "requestedDate": f"2027-03-{1 + number % 28:02d}T00:00:00Z",
        "poRef": f"PO-{number:06d}",
        "notes": NOTES,
    }


def _request(head: str, body: Mapping[str, str], mix: random.Random) -> bytes:
    flags = {
        "saveDraft": mix.random() < DRAFT_SHARE,
        "X-Use-Simplified-Order-Flow": mix.random() < SIMPLIFIED_SHARE,
    }
    said = "".join(f"{name}: {str(flag).lower()}\r\n" for name, flag in flags.items())
    content = json.dumps(body).encode()
    return f"{head}{said}Content-Length: {len(content)}\r\n\r\n".encode() + content


def portfolio_document(customers: int = CUSTOMERS) -> dict[str, Any]:
    """The project's portfolio file: one portfolio for each customer, with the three defaults."""
    defaults = {
        "paymentDetails": {"paymentType": DEFAULTS["payment_type"]},
        "packageDetails": {
            "basePackageBundle": {"packageBundleId": DEFAULTS["package_bundle_id"], "price": DEFAULTS["price"]}
        },
    }
    portfolios = [
        {
            "portfolioUid": f"00000000-0000-4000-9000-{number:012d}",
            "version": 1,
            "name": f"Customer {number}",
            "customerEntityUid": customer_entity_uid(number),
            "isDefault": True,
            "defaults": defaults,
        }
        for number in range(customers)
    ]
    return {"portfolios": portfolios}
