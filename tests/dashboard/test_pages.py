"""What the pages show, and to whom: structure, hostile values, roles, customers, and acts with their rows."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from hardware_orders import __version__
from hardware_orders.contract.enums import Status
from hardware_orders.dashboard import order, parked
from hardware_orders.dashboard.pages import POLICY
from hardware_orders.delivery.webhooks import attempts, endpoints
from hardware_orders.delivery.webhooks.attempts import Kind, Sent
from hardware_orders.delivery.webhooks.message import Result
from hardware_orders.orders import change, listing
from hardware_orders.orders.failures import Cause, Failure
from hardware_orders.roles import Role
from hardware_orders.tables import operations
from tests.dashboard.site import ADA, OURS, THEIRS, Outline, Site, Visitor

PAGES = ("", "/orders", "/parked", "/webhooks", "/portfolios")
HOSTILE = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>{{7*7}}"
ESCAPED = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"


@pytest.fixture(scope="module")
def owner(site: Site) -> Visitor:
    return site.visitor(*Role)


@pytest.fixture(scope="module")
def ours(site: Site) -> Visitor:
    """Somebody who acts for one customer."""
    return site.visitor(Role.ORDERS_READ, Role.ORDERS_WRITE, Role.ADMIN, entities=[OURS])


def log_of(site: Site, action: str) -> list[dict[str, Any]]:
    with site.database.read() as connection:
        rows = connection.execute(select(operations).where(operations.c.action == action)).mappings()
        return [{**row, "details": json.loads(row["details"])} for row in rows]


@pytest.mark.parametrize("page", [*PAGES, "/sign-in"])
def test_a_page_is_whole_and_holds_nothing_inline(owner: Visitor, site: Site, page: str) -> None:
    site.order()
    site.sample()
    answer = owner.get(f"/dashboard{page}")
    assert (answer.status_code, answer.headers["content-security-policy"]) == (200, POLICY)
    assert answer.headers["cache-control"] == "no-store"
    outline = Outline(answer.text)
    assert [len(outline.all(tag)) for tag in ("main", "h1", "header", "title")] == [1, 1, 1, 1]
    assert outline.all("html")[0]["lang"] == "en"
    assert outline.all("a")[0] == {"class": "skip", "href": "#main"}
    assert not [attributes for _, attributes in outline.tags if "style" in attributes]
    assert not [name for _, attributes in outline.tags for name in attributes if name.startswith(("on", "hx-on"))]
    assert not outline.all("style")
    assert all(script.get("src", "").startswith("/dashboard/static/") for script in outline.all("script"))
    labelled = {label.get("for") for label in outline.all("label")}
    visible = [field for field in outline.all("input") if field.get("type") != "hidden"]
    assert all(field.get("id") in labelled or "aria-label" in field for field in visible)


def test_hostile_values_are_text_everywhere(owner: Visitor, site: Site) -> None:
    merchant = {"merchantName": HOSTILE}
    order_id = site.order(THEIRS, parked=True, orderReference=HOSTILE, merchant=merchant, notes=HOSTILE)
    found = owner.get("/dashboard/orders", params_are="").text
    for page in (
        found,
        owner.get(f"/dashboard/orders/{order_id}").text,
        owner.get(f"/dashboard/orders/{order_id}/mend").text,
        owner.get("/dashboard/parked?code=UNKNOWN_CUSTOMER").text,
        owner.get("/dashboard/orders?words=%3Cscript%3Ealert('x')%3C/script%3E").text,
    ):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert ESCAPED in page
        assert "Ada <b>" not in page
    assert "{{7*7}}" in found
    for path in ("/dashboard/orders/%3Cscript%3E", "/dashboard/parked?code=%3Cscript%3Ealert('x')%3C/script%3E"):
        assert "<script>" not in owner.get(path).text


def test_now_shows_what_the_sample_says(owner: Visitor, site: Site) -> None:
    site.order()
    site.sample()
    text = " ".join(Outline(owner.get("/dashboard").text).text.split())
    assert "Orders in each status" in text
    assert "The events' Redis is away" in text  # as it is here
    assert owner.get("/dashboard/history").json()[-1][0] > 0


def test_orders_are_found_and_counted(owner: Visitor, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [site.order(orderReference="FIND-1", merchant={"merchantName": f"Quay {n}"}) for n in range(3)]
    parked_id = site.order(parked=True, orderReference="FIND-1")
    page = Outline(owner.get("/dashboard/orders?reference=FIND-1").text)
    assert "All 4" in page.text
    assert {link["href"] for link in page.all("a")} >= {f"/dashboard/orders/{one}" for one in [*ids, parked_id]}
    held = Outline(owner.get("/dashboard/orders?reference=FIND-1&status=ONHOLD").text)
    assert ("DRAFT 3" in held.text, "ONHOLD 1" in held.text) == (True, True)  # the counters do not follow the status
    shown = [link["href"] for link in held.all("a") if link["href"].startswith("/dashboard/orders/")]
    assert shown == [f"/dashboard/orders/{parked_id}"]
    assert f"/dashboard/orders/{ids[1]}" in owner.get("/dashboard/orders?words=qUAY+1").text
    assert owner.get(f"/dashboard/orders?words={ids[1]}").headers["location"] == f"/dashboard/orders/{ids[1]}"
    assert owner.get("/dashboard/orders?customer=abc").status_code == 422
    assert owner.get("/dashboard/orders?status=NOPE").status_code == 422
    monkeypatch.setattr(listing, "LOOKED_AT_MOST", 2)
    first = Outline(owner.get("/dashboard/orders?reference=FIND-1&words=Quay+0").text)
    assert "No order" in first.text
    (further,) = [link["href"] for link in first.all("a") if link.get("rel") == "next"]
    assert f"/dashboard/orders/{ids[0]}" in owner.get(further).text


def test_pages_of_orders_follow_one_another(owner: Visitor, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardware_orders.dashboard.orders.PAGE_ORDERS", 2)
    ids = {f"/dashboard/orders/{site.order(orderReference='PAGE-1')}" for _ in range(5)}
    seen: list[str] = []
    address = "/dashboard/orders?reference=PAGE-1"
    for _ in range(3):
        page = Outline(owner.get(address).text)
        seen += [link["href"] for link in page.all("a") if link["href"] in ids]
        address = next((link["href"] for link in page.all("a") if link.get("rel") == "next"), "")
    assert (sorted(seen), address) == (sorted(ids), "")
    assert owner.get("/dashboard/orders?behind=AAAA").status_code == 400


def test_one_order_shows_its_timeline_changes_and_json(owner: Visitor, site: Site) -> None:
    order_id = site.order(parked=True, orderReference="LIFE-1")
    page = Outline(owner.get(f"/dashboard/orders/{order_id}").text)
    for words in (
        "Received",
        "Held",
        "unknown customer",
        "/status",
        "REQUIRES_ATTENTION",
        '"orderReference": "LIFE-1"',
    ):
        assert words.lower() in page.text.lower()
    assert owner.get("/dashboard/orders/00000000-0000-4000-8000-000000000000").status_code == 404
    assert owner.get("/dashboard/orders/nonsense").status_code == 400


def test_another_customers_orders_are_on_no_page(ours: Visitor, site: Site) -> None:
    mine, foreign = (
        site.order(customer, parked=True, orderReference=f"TENANT-{customer[-1]}", merchant={"merchantName": "Pier"})
        for customer in (OURS, THEIRS)
    )
    for path in ("/orders", "/orders?words=Pier", "/orders?words=TENANT", "/parked?code=UNKNOWN_CUSTOMER"):
        text = ours.get(f"/dashboard{path}").text
        assert (mine in text, foreign in text, "TENANT-2" in text) == (True, False, False), path
    assert foreign not in ours.get(f"/dashboard/orders?customer={THEIRS}").text
    for path in ("", "/mend"):
        assert ours.get(f"/dashboard/orders/{foreign}{path}").status_code == 404
    # What is counted over all customers is not for somebody who acts for one, whatever the role.
    assert ours.get("/dashboard").headers["location"] == "/dashboard/orders"
    assert [ours.get(f"/dashboard/{page}").status_code for page in ("history", "live", "portfolios")] == [403] * 3
    page = f"/dashboard/orders/{mine}"
    for act in ("retry", "mend"):
        form = {"body": "{}", "version": "2"}
        assert ours.send(f"/dashboard/orders/{foreign}/{act}", form, page=page).status_code in (404, 409)
    ids = {"code": "UNKNOWN_CUSTOMER", "scope": "chosen", "count": "2", "order": [mine, foreign]}
    told = ours.send("/dashboard/parked/retry", ids, page=page).headers["location"]
    assert "retried=1&refused=1" in told
    with site.database.read() as connection:
        assert (change.get(connection, foreign, None).is_waiting, change.get(connection, mine, None).is_waiting) == (
            False,
            True,
        )


def test_all_of_a_code_are_retried_after_a_count_was_confirmed(
    owner: Visitor, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = "00000000-0000-4000-8000-0000000000cc"
    only = site.visitor(Role.ORDERS_READ, Role.ORDERS_WRITE, entities=[customer])
    monkeypatch.setattr(parked, "TOGETHER_ORDERS", 2)
    monkeypatch.setattr(parked, "RETRIED_MOST", 3)
    ids = [site.order(customer, parked=True, orderReference=f"ALL-{n}") for n in range(4)]
    page = "/dashboard/parked?code=UNKNOWN_CUSTOMER"
    assert "Retry the oldest 3 of 4" in " ".join(only.get(page).text.split())
    chosen = {"code": "UNKNOWN_CUSTOMER", "scope": "all"}
    asked = only.send("/dashboard/parked/confirm", chosen, page=page)
    assert "Submit 3 orders again?" in asked.text
    told = only.send("/dashboard/parked/retry", {**chosen, "count": "3"}, page=page)
    assert told.headers["location"].endswith("retried=3&refused=0&left=1")
    assert "3 submitted again" in only.get(told.headers["location"]).text
    with site.database.read() as connection:
        assert [change.get(connection, one, None).is_waiting for one in ids] == [True, True, True, False]
    rows = [row for row in log_of(site, "orders.retried") if row["details"]["orders"]]
    assert [row["details"]["orders"] for row in rows[-2:]] == [2, 1]
    assert json.loads(rows[-1]["actor"])["uid"] == ADA.uid
    assert only.send("/dashboard/parked/retry", {**chosen, "count": "4"}, page=page).status_code == 422
    assert owner.send("/dashboard/parked/confirm", {"code": "NONE", "scope": "all"}, page=page).status_code == 422
    nothing = only.send("/dashboard/parked/confirm", {"code": "UNKNOWN_CUSTOMER", "scope": "chosen"}, page=page)
    assert "No order was chosen" in only.get(nothing.headers["location"]).text


def test_an_order_is_mended_and_submitted_in_one_act(owner: Visitor, site: Site) -> None:
    order_id = site.order(parked=True, orderReference="MEND-1")
    page = f"/dashboard/orders/{order_id}/mend"
    body = {"orderReference": "MEND-2", "customerEntityUid": OURS, "notes": "mended"}
    form = {"version": "2", "then": "submit"}
    assert f"Hardware Orders {__version__}" in owner.get(page).text  # and not the order's version
    for wrong, words in (("{", "cannot be read"), (json.dumps({**body, "nope": 1}), "nope")):
        answer = owner.send(page, {**form, "body": wrong}, page=page)
        assert (answer.status_code, words in answer.text) == (422, True)
    other = json.dumps({**body, "customerEntityUid": THEIRS})
    assert "customerEntityUid cannot be changed" in owner.send(page, {**form, "body": other}, page=page).text
    stale = owner.send(page, {**form, "version": "1", "body": json.dumps(body)}, page=page)
    assert stale.status_code == 409
    assert log_of(site, "order.mended") == []  # nothing of all that was done
    done = owner.send(page, {**form, "body": json.dumps(body, indent=2)}, page=page)
    assert done.headers["location"] == f"/dashboard/orders/{order_id}?did=mended"
    with site.database.read() as connection:
        order = change.get(connection, order_id, None)
    assert (order.status, order.is_waiting, order.body["notes"], order.version) == (Status.DRAFT, True, "mended", 3)
    (row,) = log_of(site, "order.mended")
    assert (row["subject"], row["details"]["submitted"]) == (order_id, True)
    assert owner.get(page).status_code == 409  # it is on its way


@pytest.mark.parametrize(
    ("roles", "allowed"),
    [
        ([Role.ORDERS_READ], {"/orders", "/parked"}),
        ([Role.ORDERS_WRITE], {"/orders", "/parked"}),
        ([Role.WEBHOOKS_WRITE], {"/webhooks"}),
        ([Role.ADMIN], {"", "/portfolios"}),
        ([Role.FULFILMENT], set()),
        ([], set()),
    ],
)
def test_a_role_opens_its_pages_and_no_others(site: Site, roles: list[Role], allowed: set[str]) -> None:
    visitor = site.visitor(*roles)
    answered = {page: visitor.get(f"/dashboard{page}").status_code for page in PAGES}
    reads = bool(allowed & {"/orders"})
    assert answered == {page: 200 if page in allowed else 303 if reads and not page else 403 for page in PAGES}


def test_reading_alone_changes_nothing(site: Site) -> None:
    reader = site.visitor(Role.ORDERS_READ)
    order_id = site.order(parked=True)
    page = "/dashboard/parked?code=UNKNOWN_CUSTOMER"
    assert "Retry" not in reader.get(page).text
    assert "Mend" not in reader.get(f"/dashboard/orders/{order_id}").text
    form = {"code": "UNKNOWN_CUSTOMER", "scope": "all", "count": "1", "body": "{}", "version": "2"}
    for path in ("/parked/confirm", "/parked/retry", f"/orders/{order_id}/retry", f"/orders/{order_id}/mend"):
        assert reader.send(f"/dashboard{path}", form, page=page).status_code == 403, path


def test_a_path_that_leads_nowhere_is_a_page(owner: Visitor) -> None:
    for path in ("no-such-page", "orders/a/b", "parked/confirm"):
        answer = owner.get(f"/dashboard/{path}")
        assert (answer.status_code, "There is no such page." in answer.text) == (404, True), path


def test_a_failed_attempt_is_told_with_its_reason_to_who_runs_the_service(
    owner: Visitor, ours: Visitor, site: Site
) -> None:
    path = f"/dashboard/orders/{site.waiting('The file /etc/<b>portfolios</b> cannot be read.')}"
    told = owner.get(path).text
    assert ("Attempt failed" in told, "/etc/&lt;b&gt;portfolios" in told) == (True, True)
    told = ours.get(path).text
    assert ("portfolio could not be looked up" in told, "/etc/" in told) == (True, False)


def test_moments_are_in_the_order_of_their_time() -> None:
    at = [datetime(2026, 11, 24, 4, minute, tzinfo=UTC) for minute in range(4)]
    steps = [
        order.Step(sequence, None, "order.received", one, ADA, None, None, None, [])
        for sequence, one in enumerate((at[0], at[2]), 1)
    ]
    failed = [Failure(at[1], at[3], 9, Cause.LOOKUP, ""), Failure(at[2], at[2], 1, Cause.FAULT, "")]
    moments = order.moments(steps, tuple(failed))
    assert [moment.step or moment.failure for moment in moments] == [steps[0], failed[0], steps[1], failed[1]]
    assert [moment.seconds for moment in moments] == [None, 60, 60, 0]


def endpoint(site: Site, *customers: str) -> str:
    """The id of a paused endpoint of these customers, with an attempt that failed."""
    hooks = site.client.app.state.context.webhooks  # type: ignore[attr-defined]
    wanted = endpoints.columns(customers, (), url=f"https://{len(customers)}.example/{HOSTILE}")
    endpoint_id, _ = endpoints.create(site.database, hooks.secrets, ADA, wanted)
    with site.database.write() as connection:
        now = site.database.now(connection)
        sent = (
            Sent("00000000-0000-4000-8000-0000000000ee", "hardware-orders.order.held", 1),
            Result(12, 500, "status"),
        )
        attempts.record(connection, endpoint_id, Kind.DELIVERY, now, [sent])
    return endpoint_id


def test_webhooks_are_shown_paused_and_resumed_by_who_they_are_of(site: Site) -> None:
    mine, foreign = endpoint(site, OURS), endpoint(site, THEIRS)
    keeper = site.visitor(Role.WEBHOOKS_WRITE, entities=[OURS])
    listed = keeper.get("/dashboard/webhooks").text
    assert (mine in listed, foreign in listed, "<script>alert" in listed) == (True, False, False)
    page = f"/dashboard/webhooks/{mine}"
    assert "HTTP 500" in keeper.get(page).text
    assert keeper.get(f"/dashboard/webhooks/{foreign}").status_code == 404
    for did, act in (("paused", "pause"), ("resumed", "resume")):
        assert keeper.send(f"{page}/{act}", {}, page=page).headers["location"] == f"{page}?did={did}"
        assert keeper.send(f"/dashboard/webhooks/{foreign}/{act}", {}, page=page).status_code == 404
    assert [json.loads(row["actor"])["uid"] for row in log_of(site, "webhook.changed")] == [ADA.uid] * 2
    event = {"event": "00000000-0000-4000-8000-0000000000ee"}
    for one in (foreign, mine):  # what was recorded here is of no event of the log
        assert keeper.send(f"/dashboard/webhooks/{one}/redeliver", event, page=page).status_code == 404
    reader = site.visitor(Role.ORDERS_READ)
    for act in ("pause", "resume", "redeliver"):
        assert reader.send(f"{page}/{act}", event, page="/dashboard/orders").status_code == 403
