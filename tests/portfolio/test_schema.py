"""The JSON Schema of portfolio files: that it takes and refuses what the reader does, as far as it has words for it."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hardware_orders import samples
from hardware_orders.portfolio.document import read_document
from hardware_orders.portfolio.portfolio import WrongPortfolioError, parse_portfolios
from hardware_orders.portfolio.schema import portfolio_schema

COMMITTED = Path(__file__).parents[2] / "docs" / "portfolio.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(portfolio_schema())
UID = "11111111-1111-4111-8111-111111111111"


def sample() -> Any:
    """The first of the sample portfolios in a file of its own."""
    document: Any = read_document(samples.portfolios_path())
    return {"portfolios": [copy.deepcopy(document["portfolios"][0])]}


def test_it_is_a_schema_and_takes_every_sample() -> None:
    jsonschema.Draft202012Validator.check_schema(portfolio_schema())
    assert list(VALIDATOR.iter_errors(read_document(samples.portfolios_path()))) == []


def test_the_committed_one_is_what_the_command_prints() -> None:
    command = [sys.executable, "-m", "hardware_orders", "portfolio", "schema"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    remedy = "run `hardware-orders portfolio schema > docs/portfolio.schema.json`"
    assert COMMITTED.read_text() == printed, remedy


def test_every_member_is_described() -> None:
    schema = portfolio_schema()
    for name in ("Portfolio", "Override", "Required", "RequestedDate"):
        for member, described in schema["$defs"][name]["properties"].items():
            assert described.get("description"), f"{name}.{member}"


def first(**members: Any) -> Callable[[Any], None]:
    return lambda document: document["portfolios"][0].update(members)


def defaults(**members: Any) -> Callable[[Any], None]:
    return first(defaults=members)


MISTAKES: list[Callable[[Any], object]] = [
    lambda document: document.update(more=1),
    lambda document: document.update(portfolios={}),
    lambda document: document["portfolios"][0].pop("version"),
    first(version="7"),
    first(version=2**53),
    first(name=""),
    first(isDefault="yes"),
    first(nick="x"),
    first(customerEntityUid=UID.replace("-", "")),
    first(requestedDate={"leadTimeDays": 1}),
    first(requestedDate={"leadTimeDays": 367, "timeZone": "UTC"}),
    first(requestedDate={"leadTimeDays": 1, "cutOff": "24:00", "timeZone": "UTC"}),
    defaults(orderReference="1"),
    defaults(customerEntityUid=UID),
    defaults(notes=None),
    defaults(poref="1"),
    defaults(paymentDetails={"paymentType": "GOLD"}),
    defaults(packageDetails={"portfolioUid": UID}),
    defaults(merchant={"mcc": 5812}),
    defaults(merchant={"pois": [{"devicePackage": {"quantity": 0}}]}),
    first(overrides=[{"defaults": {}}]),
    first(overrides=[{"when": {}, "defaults": {}}]),
    first(overrides=[{"when": {"orderReference": "1"}, "defaults": {}}]),
    first(overrides=[{"when": {"merchant.companyAddress.country": "FR"}, "defaults": {}}]),
    first(overrides=[{"when": {"merchant.country": "FRA"}, "defaults": {}}]),
    first(overrides=[{"when": {"poRef": "1"}, "defaults": {"orderReference": "1"}}]),
    first(copies={"merchant.shipping": "merchant.companyAddress"}),
    first(copies={"merchant.shippingAddress": "merchant.company"}),
    first(required={"fields": ["merchant.pois.devicePackage"]}),
    first(required={"additionalOrderData": {"FR": ["VAT_ID"]}}),
    first(required={"additionalOrderData": {"FRA": ["VAT ID"]}}),
    first(required={"additionalOrderData": {"FRA": [""]}}),
]


@pytest.mark.parametrize("spoil", MISTAKES)
def test_mistakes_are_refused_by_both(spoil: Callable[[Any], object]) -> None:
    document = sample()
    assert VALIDATOR.is_valid(document)
    spoil(document)
    assert not VALIDATOR.is_valid(document)
    with pytest.raises(WrongPortfolioError):
        parse_portfolios(json.loads(json.dumps(document)))


@pytest.mark.parametrize(
    "spoil",
    [
        defaults(packageDetails={}, merchant={"companyAddress": {"contact": {}}}),
        first(requestedDate=None, overrides=[], copies={}, required={}),
        first(overrides=[{"when": {"packageDetails.portfolioUid": UID}, "defaults": {"notes": ""}}]),
        first(copies={"poRef": "orderReference", "merchant.siteName": "merchant.merchantName"}),
    ],
)
def test_what_is_right_is_taken_by_both(spoil: Callable[[Any], object]) -> None:
    document = sample()
    spoil(document)
    VALIDATOR.validate(document)
    assert parse_portfolios(document)
