"""Which portfolio completes an order, or why none does."""

from collections.abc import Mapping
from typing import Any

from hardware_orders.orders.status import Code
from hardware_orders.portfolio.lookup import Found, NotConfigured, UnknownCustomer
from hardware_orders.portfolio.portfolio import Portfolio, choose

CANNOT_DERIVE = {
    Code.UNKNOWN_CUSTOMER: "The Portfolio Service knows no such customer.",
    Code.UNKNOWN_PORTFOLIO: "packageDetails.portfolioUid is no portfolio of this customer.",
    Code.PORTFOLIO_NOT_CONFIGURED: "No source of portfolios is configured for this service.",
}
"""Each code that stands in place of a portfolio, as a sentence."""


def portfolio_for(sent: Mapping[str, Any], outcome: Found | UnknownCustomer | NotConfigured | None) -> Portfolio | Code:
    """The portfolio that the caller's body picks among its customer's, else their default one."""
    match outcome:
        case Found(portfolios):
            requested_uid = sent.get("packageDetails", {}).get("portfolioUid")
            return choose(portfolios, requested_uid) or Code.UNKNOWN_PORTFOLIO
        case UnknownCustomer():
            return Code.UNKNOWN_CUSTOMER
        case NotConfigured() | None:
            return Code.PORTFOLIO_NOT_CONFIGURED
