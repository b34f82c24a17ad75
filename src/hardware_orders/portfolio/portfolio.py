"""The portfolio: what a customer's orders are completed with. Strict, because a wrong default would fill real orders."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from hardware_orders.contract.body import check_partial_order
from hardware_orders.contract.scalars import Uuid
from hardware_orders.errors import HardwareOrdersError
from hardware_orders.portfolio.fields import check_copy, check_field, nested
from hardware_orders.portfolio.messages import COUNTRY_PATTERN, first_fault
from hardware_orders.portfolio.requested_date import RequestedDate


class WrongPortfolioError(HardwareOrdersError):
    """A portfolio that cannot be used. The message is one sentence that names the portfolio and the field."""


def _check_body(body: dict[str, JsonValue]) -> dict[str, JsonValue]:
    for error in check_partial_order(body):
        raise ValueError(error.message)
    package = body.get("packageDetails")
    if isinstance(package, dict) and "portfolioUid" in package:
        raise ValueError("packageDetails.portfolioUid must be left out, because it is what picks a portfolio")
    return body


def _check_condition(condition: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if not condition:
        raise ValueError("must name at least one field")
    for field, value in condition.items():
        for error in check_partial_order(nested(field, value)):
            raise ValueError(error.message)
    return condition


def _check_fields(fields: list[str]) -> list[str]:
    for field in fields:
        check_field(field)
    return fields


def _check_copies(copies: dict[str, str]) -> dict[str, str]:
    for target, source in copies.items():
        check_copy(target, source)
    return copies


def _check_variable_name(name: str) -> str:
    for error in check_partial_order({"additionalOrderData": [{"variableName": name}]}):
        raise ValueError(error.message)
    return name


PartialOrder = Annotated[dict[str, JsonValue], AfterValidator(_check_body)]
VariableName = Annotated[str, Field(min_length=1), AfterValidator(_check_variable_name)]
Country = Annotated[str, Field(pattern=COUNTRY_PATTERN)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)


class Override(_Strict):
    """Defaults for the orders whose fields all have the values of `when`: `{"merchant.companyAddress.country": "FRA"}`."""

    when: Annotated[dict[str, JsonValue], AfterValidator(_check_condition)]
    defaults: PartialOrder


class Required(_Strict):
    """What an order under the simplified flow must have once it is completed, beyond what the contract requires.

    `fields`: dotted names, e.g. `poRef`, `merchant.shippingAddress`. `additionalOrderData`: the variable names that
    must have a value there, by country (ISO 3166-1 alpha-3): `{"FRA": ["VAT_ID"]}`.
    """

    fields: Annotated[list[str], AfterValidator(_check_fields)] = []
    additional_order_data: dict[Country, list[VariableName]] = {}


class Portfolio(_Strict):
    """One portfolio of one customer.

    `defaults` and an override's `defaults` are partial order bodies. `overrides` are tried in their order; where two
    give the same field, the first one's value is taken. `copies`: `{missing field: the field it is copied from}`.
    """

    portfolio_uid: Uuid
    version: Annotated[int, Field(ge=0)]
    name: Annotated[str, Field(min_length=1, max_length=255)]
    customer_entity_uid: Uuid
    is_default: bool
    defaults: PartialOrder = {}
    requested_date: RequestedDate | None = None
    overrides: list[Override] = []
    copies: Annotated[dict[str, str], AfterValidator(_check_copies)] = {}
    required: Required = Required()


class _Document(_Strict):
    portfolios: list[Portfolio]

    @model_validator(mode="after")
    def _one_default_each(self) -> Self:
        if twice := _repeated(p.portfolio_uid for p in self.portfolios):
            raise ValueError(f"portfolioUid {twice} is there twice; give every portfolio its own")
        if twice := _repeated(p.customer_entity_uid for p in self.portfolios if p.is_default):
            raise ValueError(f"customer {twice} has two default portfolios; set isDefault on one of them only")
        with_default = {p.customer_entity_uid for p in self.portfolios if p.is_default}
        for portfolio in self.portfolios:
            if portfolio.customer_entity_uid not in with_default:
                customer = portfolio.customer_entity_uid
                raise ValueError(f"customer {customer} has no default portfolio; set isDefault on one of them")
        return self


def parse_portfolios(document: object) -> list[Portfolio]:
    """The portfolios of `{"portfolios": [...]}`. Raises WrongPortfolioError for the first thing that is wrong.

    portfolioUids are unique, and every customer that is named has exactly one default portfolio.
    """
    try:
        return _Document.model_validate(document).portfolios
    except ValidationError as error:
        raise WrongPortfolioError(first_fault(document, error)) from None


def choose(portfolios: Iterable[Portfolio], requested_uid: str | None) -> Portfolio | None:
    """The portfolio that was asked for, else the default one; None when the one asked for is not this customer's."""
    for portfolio in portfolios:
        if portfolio.is_default if requested_uid is None else portfolio.portfolio_uid == requested_uid:
            return portfolio
    return None


def _repeated(uids: Iterable[str]) -> str | None:
    return next((uid for uid, count in Counter(uids).items() if count > 1), None)
