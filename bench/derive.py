"""`python -m bench.derive`: what it costs to complete an order, for each portfolio of the samples.

Prints microseconds an order, least, median and most of the rounds: the machine's noise is between them. It times the
function alone: parsing, storing and the event are the same for every order and are the other benchmark's.
"""

import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from hardware_orders.orders.defaults import derive
from hardware_orders.portfolio.document import read_document
from hardware_orders.portfolio.portfolio import Portfolio, parse_portfolios
from hardware_orders.samples import orders, portfolios_path

ROUNDS = 15
# Some fifty milliseconds a round: long against the clock's resolution and a change of threads.
ORDERS_A_ROUND = 1_000
NOW = datetime(2026, 12, 22, 9, 0, tzinfo=UTC)


def main() -> None:
    table = Table("portfolio", "order", "rows", "min", "median", "max", title="µs to derive one order")
    for portfolio in parse_portfolios(read_document(portfolios_path())):
        for name, body in _orders_for(portfolio):
            rounds = _measured(body, portfolio)
            rows = len(derive(body, portfolio, NOW).derived)
            figures = (min(rounds), statistics.median(rounds), max(rounds))
            table.add_row(portfolio.name, name, str(rows), *(f"{figure:.1f}" for figure in figures))
    Console(highlight=False).print(table)


def _orders_for(portfolio: Portfolio) -> list[tuple[str, dict[str, Any]]]:
    """The shortest order there is, and the samples' own simplified orders for this portfolio."""
    least: dict[str, Any] = {"orderReference": "ORD-1", "customerEntityUid": portfolio.customer_entity_uid}
    if not portfolio.is_default:
        least["packageDetails"] = {"portfolioUid": portfolio.portfolio_uid}
    found = [("two fields", least)]
    for sample in orders():
        step = sample["steps"][0]
        body = step.get("body", {})
        chosen = body.get("packageDetails", {}).get("portfolioUid")
        is_its = portfolio.is_default if chosen is None else chosen == portfolio.portfolio_uid
        if step.get("simplified") and is_its and body.get("customerEntityUid") == portfolio.customer_entity_uid:
            found.append((body["orderReference"], body))
    return found


def _measured(body: dict[str, Any], portfolio: Portfolio) -> Sequence[float]:
    """Microseconds an order, by round; the first round warms up and is not counted."""
    rounds = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        for _ in range(ORDERS_A_ROUND):
            derive(body, portfolio, NOW)
        rounds.append((time.perf_counter() - started) / ORDERS_A_ROUND * 1e6)
    return rounds[1:]


if __name__ == "__main__":
    main()
