"""The simplified flow over HTTP, where an order cannot be settled as it was sent, and what a preview tells of it before."""

from typing import Any

import pytest

from hardware_orders.client import ConflictError
from tests.system import System, order

# Of the sample portfolios.
MIRABEAU = "c0a8f3de-51b2-4e0f-8a6d-7b1e94d2f101"
NORDWIND = "84e5b6a7-3c9d-4f12-a0be-5d6c7f8e9202"
LARKSPURS_PORTFOLIO = "41d8f6b9-7e23-4a90-9c54-e8b07d13f504"
STATION = {"addressLine1": "Am Kaiserkai 7", "city": "Hamburg", "postCode": "20457", "country": "DEU"}
LACKS = ("/merchant/shippingAddress", "/merchant/siteReferenceId", "/poRef")
MEND = {"poRef": "4711", "merchant": {"siteReferenceId": "NW-0099", "shippingAddress": STATION}}


def body(customer: str, **members: Any) -> dict[str, Any]:
    # With a date of its own nothing about it depends on the instant.
    date = "2027-03-01T00:00:00Z"
    return order(customerEntityUid=customer, requestedDate=date, **members)


def test_a_preview_is_what_the_order_then_is_and_stores_nothing(system: System) -> None:
    sent = body(MIRABEAU, merchant={"companyAddress": {"country": "BEL"}})
    with system.orders() as client:
        preview = client.preview(sent)
        assert list(client.search(orderReference=sent["orderReference"])) == []
        made = client.submit(sent, simplified=True)
    assert (preview.missing, made.status) == ((), "SUBMITTED")
    assert preview.derived_fields == made.derived_fields
    assert {"override", "default", "copy"} == {row["origin"] for row in preview.derived_fields}
    assert preview.order == {name: made.json[name] for name in preview.order}
    assert told_last(system, made.order_id)["derivedFields"] == made.json["internal"]["derivedFields"]


def told_last(system: System, order_id: str) -> Any:
    """`internal` of the order in its last event."""
    with system.orders() as client:
        return list(client.events(order_id))[-1].json["data"]["order"]["internal"]


def test_another_customers_portfolio_completes_nothing_and_the_preview_says_so(system: System) -> None:
    base = {"basePackageBundle": {"packageBundleId": "BASE"}, "portfolioUid": LARKSPURS_PORTFOLIO}
    sent = body(MIRABEAU, packageDetails=base)
    with system.orders() as client:
        with pytest.raises(ConflictError) as refused:
            client.preview(sent)
        parked = client.submit(sent, simplified=True)
    assert [(error.param, error.code) for error in refused.value.errors] == [
        ("packageDetails.portfolioUid", "unknown_portfolio")
    ]
    assert (parked.status, parked.detailed_status, parked.code) == (
        *("ONHOLD", "REQUIRES_ATTENTION"),
        "UNKNOWN_PORTFOLIO",
    )
    assert str(refused.value).startswith(f"{parked.information} ")
    assert told_last(system, parked.order_id)["extendedDetails"] == parked.json["internal"]["extendedDetails"]


@pytest.mark.parametrize(("is_draft", "status"), [(True, "DRAFT"), (False, "ONHOLD")])
def test_what_is_missing_is_named_and_mended_by_put_and_submit(system: System, is_draft: bool, status: str) -> None:  # noqa: FBT001
    sent = body(NORDWIND)
    with system.orders() as client:
        assert client.preview(sent).missing == LACKS
        held = client.submit(sent, simplified=True, save_draft=is_draft)
        assert (held.status, held.code) == (status, "MISSING_FIELDS")
        assert held.information
        assert held.information.endswith(f": {', '.join(LACKS)}.")
        assert told_last(system, held.order_id)["extendedDetails"] == held.json["internal"]["extendedDetails"]
        mended = client.replace(held, {**sent, **MEND})
        assert (mended.status, mended.code) == ("DRAFT", None)
        submitted = client.submit_draft(mended)
    assert (submitted.status, submitted.json["poRef"], submitted.code) == ("SUBMITTED", "4711", None)


def test_an_order_whose_numbers_a_default_would_make_equal_can_be_sent_back_whole(system: System) -> None:
    number = {"value": "142685300", "callingCode": "33"}
    contact = {
        "name": {"firstName": "Ada", "lastName": "Lune"},
        "phoneNumbers": [number, {**number, "isPrimary": False}],
    }
    with system.orders() as client:
        draft = client.submit(body(MIRABEAU, merchant={"primaryContact": contact}), simplified=True, save_draft=True)
        back = client.replace(draft, draft.json)
        assert client.submit_draft(back).status == "SUBMITTED"
    assert len(draft.json["merchant"]["primaryContact"]["phoneNumbers"]) == 2
    assert back.json["merchant"] == draft.json["merchant"]
