"""The portfolio: what a customer's orders are completed with. Strict, for a wrong default would fill real orders."""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import takewhile
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticUndefined

from hardware_orders.contract.body import check_partial_order
from hardware_orders.contract.scalars import Uuid
from hardware_orders.errors import HardwareOrdersError
from hardware_orders.portfolio.fields import check_copy, check_field, nested
from hardware_orders.portfolio.layer import Copy, Label, Layer, kept_copy, kept_layer
from hardware_orders.portfolio.messages import COUNTRY_PATTERN, Fault, first_fault, refuse, steps_of
from hardware_orders.portfolio.plan import copies_in_order, levels_of_overrides
from hardware_orders.portfolio.requested_date import RequestedDate

# Orders tell it in JSON, where readers may have no greater integers (RFC 8259, section 6).
VERSION_MOST = 2**53 - 1


class WrongPortfolioError(HardwareOrdersError):
    """A portfolio that cannot be used. The message is one sentence that names the portfolio and the field.

    `place` is the way to the field, such as `portfolios[0].version`, by the names of a portfolio's members alone: it
    repeats nothing of the document.
    """

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place


def _check_body(body: dict[str, JsonValue]) -> dict[str, JsonValue]:
    faults = [Fault(steps_of(error.param), error.message) for error in check_partial_order(body)]
    package = body.get("packageDetails")
    if isinstance(package, dict) and "portfolioUid" in package:
        sentence = "packageDetails.portfolioUid must be left out, because it is what picks a portfolio"
        faults.append(Fault(("packageDetails", "portfolioUid"), sentence))
    refuse(faults)
    return body


def _check_condition(condition: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if not condition:
        raise ValueError("must name at least one field")
    one_value = "must be one value; an object or a list is completed before it could be compared"
    refuse(
        Fault((field,), f"{field} {one_value}") for field, value in condition.items() if isinstance(value, dict | list)
    )
    refuse(
        Fault((field,), error.message)
        for field, value in condition.items()
        for error in check_partial_order(nested(field, value))
    )
    return condition


def _check_fields(fields: list[str]) -> list[str]:
    refuse(Fault((index,), str(error)) for index, field in enumerate(fields) for error in _errors(check_field, field))
    return fields


def _check_copies(copies: dict[str, str]) -> dict[str, str]:
    refuse(
        Fault((target,), str(error))
        for target, source in copies.items()
        for error in _errors(check_copy, target, source)
    )
    if "packageDetails.portfolioUid" in copies:
        raise ValueError("packageDetails.portfolioUid cannot be copied, because it is what picks a portfolio")
    copies_in_order(copies)
    return copies


def _check_variable_name(name: str) -> str:
    for error in check_partial_order({"additionalOrderData": [{"variableName": name}]}):
        raise ValueError(error.message.removeprefix(f"{error.param} "))
    return name


def _errors(check: Callable[..., None], *arguments: str) -> list[ValueError]:
    try:
        check(*arguments)
    except ValueError as error:
        return [error]
    return []


PartialOrder = Annotated[dict[str, JsonValue], AfterValidator(_check_body)]
VariableName = Annotated[str, Field(min_length=1), AfterValidator(_check_variable_name)]
Country = Annotated[str, Field(pattern=COUNTRY_PATTERN)]


def _member(description: str, default: Any = PydanticUndefined) -> Any:
    return Field(default, description=description)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)


class Override(_Strict):
    """Defaults for orders whose fields all have `when`'s values: `{"merchant.companyAddress.country": "FRA"}`."""

    when: Annotated[dict[str, JsonValue], AfterValidator(_check_condition)] = _member(
        "The values that the order's fields must all have, by the fields' dotted names."
    )
    defaults: PartialOrder = _member("What such an order is completed with, before the portfolio's own defaults.")

    def rule(self, number: int) -> str:
        """What a derived field's row says of it; `number` counts a portfolio's overrides from 1."""
        conditions = (f"{f} = {v if isinstance(v, str) else json.dumps(v)}" for f, v in self.when.items())
        return f"override {number}: {', '.join(conditions)}"


class Required(_Strict):
    """What an order under the simplified flow must have once it is completed, beyond what the contract requires.

    `fields`: dotted names, e.g. `poRef`, `merchant.shippingAddress`. `additionalOrderData`: the variable names that
    must have a value there, by country (ISO 3166-1 alpha-3): `{"FRA": ["VAT_ID"]}`.
    """

    fields: Annotated[list[str], AfterValidator(_check_fields)] = _member("Fields, by their dotted names.", [])
    additional_order_data: dict[Country, list[VariableName]] = _member(
        "By country, the names that must have a value in additionalOrderData.", {}
    )


class Portfolio(_Strict):
    """One portfolio of one customer.

    `defaults` and an override's `defaults` are partial order bodies. `overrides` are tried in their order; where two
    give the same field, the first one's value is taken. `copies`: `{missing field: the field it is copied from}`.
    Neither the copies nor the conditions of overrides may depend on one another in a circle.
    """

    portfolio_uid: Uuid = _member("The portfolio's own id.")
    version: Annotated[int, Field(ge=0, le=VERSION_MOST)] = _member("Raised with every change; derived fields name it.")
    name: Annotated[str, Field(min_length=1, max_length=255)] = _member("What people call it.")
    customer_entity_uid: Uuid = _member("The customer whose orders it completes.")
    is_default: bool = _member("True for the one that orders get which name none; each customer has exactly one.")
    defaults: PartialOrder = _member("What an order is completed with: any fields but those that are its own.", {})
    requested_date: RequestedDate | None = _member("How the date is computed of an order that names none.", None)
    overrides: list[Override] = _member("Other defaults for some orders; the first that gives a field wins.", [])
    copies: Annotated[dict[str, str], AfterValidator(_check_copies)] = _member(
        "Fields that are copied from others where nothing else gives them, both by their dotted names.", {}
    )
    required: Required = _member("What a completed order must have.", Required())

    @model_validator(mode="after")
    def _overrides_have_an_order(self) -> Self:
        _ = self.levels
        return self

    @cached_property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """Indexes of `overrides`: what a level's conditions look at is final when the levels before have matched."""
        return levels_of_overrides([(override.when, override.defaults) for override in self.overrides], self.copies)

    @cached_property
    def copies_in_order(self) -> tuple[Copy, ...]:
        """`copies`, in an order in which every source is final when it is copied."""
        return tuple(
            kept_copy(target, source, self.label("copy", f"copy of {source}"), self.defaults)
            for target, source in copies_in_order(self.copies)
        )

    @cached_property
    def default_layer(self) -> Layer:
        """`defaults`, with their rows."""
        return kept_layer(self.defaults, self.label("default", "default"))

    @cached_property
    def override_layers(self) -> tuple[Layer, ...]:
        """The defaults of each of `overrides`, with their rows."""
        return tuple(
            kept_layer(override.defaults, self.label("override", override.rule(number)))
            for number, override in enumerate(self.overrides, start=1)
        )

    def label(self, origin: str, rule: str) -> Label:
        """What the rows of one rule have in common."""
        return origin, self.portfolio_uid, self.version, rule


class PortfolioDocument(_Strict):
    """A portfolio file."""

    portfolios: list[Portfolio] = _member("The portfolios of all customers.")

    @model_validator(mode="after")
    def _one_default_each(self) -> Self:
        refuse(conflicts([(p.portfolio_uid, p.customer_entity_uid, p.is_default) for p in self.portfolios]))
        return self


def conflicts(portfolios: Sequence[tuple[str, str, bool] | None]) -> list[Fault]:
    """What is wrong between portfolios, each `(portfolioUid, customerEntityUid, isDefault)` or None to leave it out."""
    found: list[Fault] = []
    uids: set[str] = set()
    defaults: set[str] = set()
    for index, (uid, customer, is_default) in _known(portfolios):
        if uid in uids:
            sentence = f"portfolioUid {uid} is there twice; give every portfolio its own"
            found.append(Fault(("portfolios", index, "portfolioUid"), sentence))
        if is_default and customer in defaults:
            sentence = f"customer {customer} has two default portfolios; set isDefault on one of them only"
            found.append(Fault(("portfolios", index, "isDefault"), sentence))
        uids.add(uid)
        defaults |= {customer} if is_default else set()
    if None in portfolios:  # whose default may be the one that seems to lack
        return found
    for index, (_, customer, _) in _known(portfolios):
        if customer not in defaults:
            sentence = f"customer {customer} has no default portfolio; set isDefault on one of them"
            found.append(Fault(("portfolios", index, "isDefault"), sentence))
            defaults.add(customer)
    return found


def _known(portfolios: Sequence[tuple[str, str, bool] | None]) -> list[tuple[int, tuple[str, str, bool]]]:
    return [(index, portfolio) for index, portfolio in enumerate(portfolios) if portfolio is not None]


def parse_portfolios(document: object) -> list[Portfolio]:
    """The portfolios of `{"portfolios": [...]}`. Raises WrongPortfolioError for the first thing that is wrong.

    portfolioUids are unique, and every customer that is named has exactly one default portfolio.
    """
    try:
        return PortfolioDocument.model_validate(document).portfolios
    except ValidationError as error:
        raise WrongPortfolioError(first_fault(document, error), _place(error)) from None


_MEMBERS = {
    field.alias or name
    for model in (PortfolioDocument, Portfolio, Override, Required, RequestedDate)
    for name, field in model.model_fields.items()
}


def _place(error: ValidationError) -> str:
    steps = takewhile(lambda step: isinstance(step, int) or step in _MEMBERS, error.errors(include_url=False)[0]["loc"])
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


def choose(portfolios: Iterable[Portfolio], requested_uid: str | None) -> Portfolio | None:
    """The portfolio that was asked for, else the default one; None when the one asked for is not this customer's."""
    for portfolio in portfolios:
        if portfolio.is_default if requested_uid is None else portfolio.portfolio_uid == requested_uid:
            return portfolio
    return None
