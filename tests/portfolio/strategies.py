"""Portfolios and partial orders for hypothesis: every kind of field that rules treat differently, few values of each.

Few values, so that a condition is met, a copy finds something and two items are equal in about half of the examples.
"""

from typing import Any

from hypothesis import strategies as st

from hardware_orders import canonical
from hardware_orders.portfolio.portfolio import Portfolio, WrongPortfolioError, parse_portfolios

UID = "11111111-1111-4111-8111-111111111111"
CUSTOMER = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
LEAST = {"orderReference": "ORD-1", "customerEntityUid": CUSTOMER}
PLACES = ["tradingAddress", "shippingAddress", "billingAddress", "companyAddress"]

texts = st.sampled_from(["a", "b", "Ärger  \u00a0'", "\U0001f4e6"])
words = st.sampled_from(["a", "b"])
countries = st.sampled_from(["FRA", "BEL"])
booleans = st.booleans()


def objects(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=members)


phones = objects(
    value=st.sampled_from(["12345", "67890"]), phoneType=st.sampled_from(["HOME", "FAX"]), isPrimary=booleans
)
contacts = objects(
    name=objects(firstName=words, lastName=words),
    email=st.just("a@example.com"),
    contactType=st.sampled_from(["OWNER", "BUSINESS"]),
    phoneNumbers=st.lists(phones, min_size=1, max_size=3, unique_by=canonical.text),
)
addresses = objects(
    addressLine1=words, city=words, country=countries, storeNumber=texts, governmentOwned=booleans, contact=contacts
)
answers = st.lists(objects(variableName=words, variableValue=texts), max_size=2)
packages = st.lists(
    objects(
        packageBundleId=words, processorParameters=objects(processor=st.just("ELAVON")), additionalPackageData=answers
    ),
    max_size=2,
)
terminals = st.lists(objects(devicePackage=objects(packageBundleId=words, quantity=st.just(1))), max_size=2)
partial_orders = objects(
    notes=texts,
    poRef=texts,
    requestedDate=st.sampled_from(["2027-01-01T00:00:00Z", "2027-01-01t01:00:00.000+01:00"]),
    paymentDetails=objects(paymentType=st.sampled_from(["NET", "CREDIT"])),
    additionalOrderData=answers,
    packageDetails=objects(
        basePackageBundle=objects(packageBundleId=words, price=st.just("1.0")), servicePackages=packages
    ),
    merchant=objects(
        merchantName=texts,
        mcc=st.just("5812"),
        primaryContact=contacts,
        pois=terminals,
        **dict.fromkeys(PLACES, addresses),
    ),
)
orders = partial_orders.map(lambda members: LEAST | members)

_conditions = objects(
    **{
        "notes": texts,
        "paymentDetails.paymentType": st.sampled_from(["NET", "CREDIT"]),
        "merchant.primaryContact.contactType": st.sampled_from(["OWNER", "BUSINESS"]),
        **{f"merchant.{place}.country": countries for place in PLACES},
        "merchant.companyAddress.governmentOwned": booleans,
    }
).filter(bool)
_ALIKE = [
    [f"merchant.{place}" for place in PLACES],
    ["merchant.primaryContact", *(f"merchant.{place}.contact" for place in PLACES)],
    ["merchant.primaryContact.contactType", *(f"merchant.{place}.contact.contactType" for place in PLACES)],
    ["merchant.primaryContact.phoneNumbers", *(f"merchant.{place}.contact.phoneNumbers" for place in PLACES)],
    ["notes", "orderReference"],
]
_pairs = st.sampled_from(_ALIKE).flatmap(st.permutations).map(lambda fields: (fields[0], fields[1]))
_copies = st.lists(_pairs, max_size=6).map(
    lambda pairs: {target: source for target, source in pairs if target != "orderReference"}
)
_dates = st.fixed_dictionaries(
    {"leadTimeDays": st.integers(0, 12), "businessDays": st.just(True), "timeZone": st.just("Europe/Paris")},
    optional={"holidays": st.sampled_from(["FR", "DE-BY"]), "cutOff": st.just("09:30")},
)
_members = st.fixed_dictionaries(
    {},
    optional={
        "defaults": partial_orders,
        "requestedDate": _dates,
        "overrides": st.lists(st.fixed_dictionaries({"when": _conditions, "defaults": partial_orders}), max_size=4),
        "copies": _copies,
        "required": st.just({"fields": ["poRef"], "additionalOrderData": {"FRA": ["a"], "BEL": ["b"]}}),
    },
)


def a_portfolio(**members: Any) -> Portfolio:
    least = {"portfolioUid": UID, "version": 4, "name": "P", "customerEntityUid": CUSTOMER, "isDefault": True}
    return parse_portfolios({"portfolios": [least | members]})[0]


def _without_circles(members: dict[str, Any]) -> Portfolio:
    """A portfolio of these members, less the overrides and copies that go round in a circle with those before them."""
    copies: dict[str, str] = {}
    overrides: list[Any] = []
    for pair in members.get("copies", {}).items():
        copies |= dict([pair]) if _is_valid(copies=copies | dict([pair])) else {}
    for override in members.get("overrides", []):
        overrides += [override] if _is_valid(copies=copies, overrides=[*overrides, override]) else []
    return a_portfolio(**members | {"copies": copies, "overrides": overrides})


def _is_valid(**members: Any) -> bool:
    try:
        a_portfolio(**members)
    except WrongPortfolioError:
        return False
    return True


portfolios = _members.map(_without_circles)
