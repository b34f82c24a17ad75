import json
from collections import Counter

from bench import orders
from hardware_orders.contract.body import check_order
from hardware_orders.portfolio.portfolio import parse_portfolios


def _sent(count: int) -> list[tuple[list[str], bytes]]:
    requests = orders.requests(count, prefix="p", path="/orders/hardware", headers={"Prefer": "respond-async"})
    parts = [request.partition(b"\r\n\r\n") for request in requests]
    return [(head.decode().split("\r\n"), body) for head, _, body in parts]


def test_a_request_is_complete_http() -> None:
    head, body = _sent(1)[0]

    assert head[0] == "POST /orders/hardware HTTP/1.1"
    assert f"Content-Length: {len(body)}" in head
    assert "Prefer: respond-async" in head


def test_the_bodies_are_orders_of_the_contract_of_about_400_bytes() -> None:
    for _, body in _sent(50):
        assert check_order(json.loads(body)) == []
        assert 350 <= len(body) <= 450


def test_every_reference_is_sent_once_and_ends_in_its_number() -> None:
    references = [json.loads(body)["orderReference"] for _, body in _sent(100)]

    assert references == [f"p-{number}" for number in range(100)]


def test_a_fifth_are_drafts_and_half_are_simplified() -> None:
    flags = Counter(line for head, _ in _sent(5_000) for line in head)

    assert 900 <= flags["saveDraft: true"] <= 1_100
    assert 2_400 <= flags["X-Use-Simplified-Order-Flow: true"] <= 2_600


def test_both_sides_get_the_same_mix() -> None:
    assert [head[2:] for head, _ in _sent(50)] == [head[2:] for head, _ in _sent(50)]


def test_every_customer_has_a_portfolio_that_can_be_used() -> None:
    portfolios = parse_portfolios(orders.portfolio_document())

    assert {portfolio.customer_entity_uid for portfolio in portfolios} == {
        orders.customer_entity_uid(number) for number in range(orders.CUSTOMERS)
    }
