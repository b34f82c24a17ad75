"""Portfolio files of as many customers as a test needs."""

import json
import uuid
from pathlib import Path
from typing import Any

# Two fields are required of every order; these are what the contract wants of a submitted one besides.
NOTES = "Completed from the portfolio."


def write(path: Path, count: int) -> list[str]:
    """A file of this many new customers, each with a default portfolio. Returns the customers."""
    customers = [str(uuid.uuid4()) for _ in range(count)]
    path.write_text(json.dumps({"portfolios": [portfolio(customer) for customer in customers]}))
    return customers


def portfolio(customer: str, **members: Any) -> dict[str, Any]:
    return {
        "portfolioUid": str(uuid.uuid5(uuid.NAMESPACE_URL, customer)),
        "version": 1,
        "name": "Of a test",
        "customerEntityUid": customer,
        "isDefault": True,
        "defaults": {"notes": NOTES},
        **members,
    }
