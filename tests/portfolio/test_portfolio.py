"""Portfolios as they are read: what is taken, what is refused and in which words, and which one is chosen."""

from typing import Any

import pytest

from hardware_orders.portfolio.portfolio import Portfolio, WrongPortfolioError, choose, parse_portfolios

UID, OTHER_UID = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
CUSTOMER, STRANGER = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"


def entry(**members: Any) -> dict[str, Any]:
    least = {"portfolioUid": UID, "version": 1, "name": "Bakery", "customerEntityUid": CUSTOMER, "isDefault": True}
    return least | members


def parse(*entries: Any) -> list[Portfolio]:
    return parse_portfolios({"portfolios": list(entries)})


def test_a_portfolio_with_every_member_is_read() -> None:
    [portfolio] = parse(
        entry(
            defaults={"notes": "Ring twice."},
            requestedDate={"leadTimeDays": 5, "businessDays": True, "cutOff": "15:00", "timeZone": "Europe/Paris"},
            overrides=[{"when": {"merchant.companyAddress.country": "FRA"}, "defaults": {"poRef": "FR"}}],
            copies={"merchant.shippingAddress": "merchant.companyAddress"},
            required={"fields": ["poRef"], "additionalOrderData": {"FRA": ["VAT_ID"]}},
        )
    )
    assert (portfolio.portfolio_uid, portfolio.version, portfolio.name) == (UID, 1, "Bakery")
    assert (portfolio.customer_entity_uid, portfolio.is_default) == (CUSTOMER, True)
    assert portfolio.defaults == {"notes": "Ring twice."}
    assert portfolio.requested_date is not None
    assert portfolio.requested_date.lead_time_days == 5
    assert portfolio.overrides[0].when == {"merchant.companyAddress.country": "FRA"}
    assert portfolio.overrides[0].defaults == {"poRef": "FR"}
    assert portfolio.copies == {"merchant.shippingAddress": "merchant.companyAddress"}
    assert portfolio.required.fields == ["poRef"]
    assert portfolio.required.additional_order_data == {"FRA": ["VAT_ID"]}


def test_what_is_written_out_is_read_back_the_same() -> None:
    portfolios = parse(entry(defaults={"poRef": "1"}, required={"fields": ["notes"]}))
    assert parse(*[portfolio.model_dump(by_alias=True) for portfolio in portfolios]) == portfolios


WRONG = [
    ({"version": "1"}, "version: must be a whole number, without quotes."),
    ({"version": 2**53}, "version: Input must be less than or equal to 9007199254740991."),
    ({"isDefault": "yes"}, "isDefault: must be true or false, without quotes."),
    ({"nick": "x"}, "nick: is not a member of a portfolio file here; correct its spelling or remove it."),
    ({"customerEntityUid": CUSTOMER.upper()}, "customerEntityUid: must be a UUID in lower case with hyphens."),
    ({"defaults": {"merchant": {"mcc": 5812}}}, "defaults: merchant.mcc must be a string."),
    (
        {"defaults": {"packageDetails": {"portfolioUid": UID}}},
        "defaults: packageDetails.portfolioUid must be left out, because it is what picks a portfolio.",
    ),
    (
        {"requestedDate": {"leadTimeDays": 1, "cutOff": "24:00", "timeZone": "UTC"}},
        "requestedDate.cutOff: must be a time of day as HH:MM, such as 15:00.",
    ),
    (
        {"requestedDate": {"leadTimeDays": 1, "timeZone": "Europe"}},
        "requestedDate.timeZone: is not a time zone known here; use an IANA name such as Europe/Paris.",
    ),
    ({"requestedDate": {"timeZone": "UTC"}}, "requestedDate.leadTimeDays: is required."),
    (
        {"overrides": [{"when": {"merchant.companyAddress.country": "FR"}, "defaults": {}}]},
        "overrides[0].when: merchant.companyAddress.country must be a country as an ISO 3166-1 alpha-3 code, such as FRA.",
    ),
    ({"overrides": [{"when": {}, "defaults": {}}]}, "overrides[0].when: must name at least one field."),
    (
        {"overrides": [{"when": {"paymentDetails": {}}, "defaults": {}}]},
        "overrides[0].when: paymentDetails must be one value; an object or a list is completed before it could be compared.",
    ),
    (
        {"overrides": [{"when": {"notes": "a"}, "defaults": {"notes": "b"}}]},
        "as a whole: override 1 gives another value to what its own condition looks at; remove it from its defaults.",
    ),
    (
        {
            "overrides": [
                {"when": {"merchant.shippingAddress.city": "a"}, "defaults": {"poRef": "b"}},
                {"when": {"poRef": "b"}, "defaults": {"merchant": {"companyAddress": {"city": "a"}}}},
            ],
            "copies": {"merchant.shippingAddress": "merchant.companyAddress"},
        },
        (
            "as a whole: overrides 1 and 2 give what one another's conditions look at; "
            "let them look at fields that none of them gives."
        ),
    ),
    (
        {"copies": {"poRef": "merchant.siteReferenceId", "merchant.siteReferenceId": "merchant.siteReferenceId"}},
        "copies: go round in a circle (merchant.siteReferenceId from merchant.siteReferenceId); remove one of these copies.",
    ),
    (
        {"copies": {"packageDetails.portfolioUid": "customerEntityUid"}},
        "copies: packageDetails.portfolioUid cannot be copied, because it is what picks a portfolio.",
    ),
    (
        {"requestedDate": {"leadTimeDays": 1, "businessDays": True, "holidays": "Bavaria", "timeZone": "UTC"}},
        "requestedDate.holidays: must be a country, or one of its subdivisions, by ISO 3166, such as DE or DE-BY.",
    ),
    (
        {"requestedDate": {"leadTimeDays": 1, "businessDays": True, "holidays": "XX", "timeZone": "UTC"}},
        "requestedDate.holidays: no public holidays are known of XX; use an ISO 3166-1 alpha-2 code such as DE.",
    ),
    (
        {"requestedDate": {"leadTimeDays": 1, "businessDays": True, "holidays": "DE-XX", "timeZone": "UTC"}},
        (
            "requestedDate.holidays: DE-XX is no subdivision with holidays of its own; "
            "use DE, or one of these: DE-BB, DE-BE, DE-BW, DE-BY, DE-HB."
        ),
    ),
    (
        {"requestedDate": {"leadTimeDays": 1, "holidays": "DE", "timeZone": "UTC"}},
        "requestedDate: holidays only count among business days; set businessDays to true, or remove holidays.",
    ),
    (
        {"copies": {"merchant.mcc": "poRef"}},
        "copies: merchant.mcc cannot be a copy of poRef; copy between fields of the same kind.",
    ),
    (
        {"copies": {"merchant.shipping": "merchant.companyAddress"}},
        "copies: 'merchant.shipping' is not a field of an order; write it dotted, such as merchant.companyAddress.",
    ),
    (
        {"required": {"fields": ["merchant.pois.devicePackage"]}},
        "required.fields: 'merchant.pois.devicePackage' is not a field of an order; write it dotted, such as merchant.companyAddress.",
    ),
    (
        {"required": {"additionalOrderData": {"FR": ["VAT_ID"]}}},
        "required.additionalOrderData.FR: must be a country as an ISO 3166-1 alpha-3 code, such as FRA.",
    ),
]


@pytest.mark.parametrize(("members", "sentence"), WRONG)
def test_the_error_names_portfolio_and_field(members: dict[str, Any], sentence: str) -> None:
    with pytest.raises(WrongPortfolioError) as caught:
        parse(entry(portfolioUid=OTHER_UID, customerEntityUid=STRANGER), entry(**members))
    assert str(caught.value) == f"portfolio 2 (Bakery), {sentence}"


@pytest.mark.parametrize("own", ["orderReference", "customerEntityUid"])
def test_what_is_each_orders_own_is_no_default(own: str) -> None:
    with pytest.raises(WrongPortfolioError, match=f"portfolio 1 .Bakery., defaults: {own} "):
        parse(entry(defaults={own: CUSTOMER}))


@pytest.mark.parametrize("document", [None, [], "portfolios", {}, {"portfolios": {}}, {"portfolios": [1]}])
def test_something_else_altogether_is_refused(document: object) -> None:
    with pytest.raises(WrongPortfolioError):
        parse_portfolios(document)


def test_a_portfolio_uid_stands_once() -> None:
    with pytest.raises(WrongPortfolioError, match=f"portfolioUid {UID} is there twice"):
        parse(entry(), entry(customerEntityUid=STRANGER))


def test_a_customer_has_one_default() -> None:
    with pytest.raises(WrongPortfolioError, match=f"customer {CUSTOMER} has two default portfolios"):
        parse(entry(), entry(portfolioUid=OTHER_UID))
    with pytest.raises(WrongPortfolioError, match=f"customer {CUSTOMER} has no default portfolio"):
        parse(entry(isDefault=False))


def test_a_text_is_copied_only_where_it_fits() -> None:
    assert parse(entry(copies={"poRef": "orderReference", "merchant.siteName": "merchant.merchantName"}))
    with pytest.raises(WrongPortfolioError):  # notes may be longer than a poRef
        parse(entry(copies={"poRef": "notes"}))
    with pytest.raises(WrongPortfolioError):  # a poRef may be empty, and a site's name not
        parse(entry(copies={"merchant.siteName": "poRef"}))
    with pytest.raises(WrongPortfolioError):  # a poRef need not be a merchant category code
        parse(entry(copies={"merchant.mcc": "poRef"}))
    with pytest.raises(WrongPortfolioError):  # an address has no contact in the place of itself
        parse(entry(copies={"merchant.companyAddress.contact": "merchant.companyAddress"}))


def test_the_one_asked_for_is_chosen_else_the_default() -> None:
    default, other = parse(entry(), entry(portfolioUid=OTHER_UID, isDefault=False))
    assert choose([other, default], None) is default
    assert choose([default, other], OTHER_UID) is other
    assert choose([default, other], STRANGER) is None
