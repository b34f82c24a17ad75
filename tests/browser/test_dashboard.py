"""The dashboard in a browser, on a system under load."""

import json
import re
from typing import Any
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from hardware_orders.roles import Role
from tests.browser.conftest import Receiver, Watched, parked, watched
from tests.system import System, eventually

PAGES = (
    "",
    "/orders",
    "/orders?words=zzz",
    "/orders?customer=nonsense",
    "/orders/{order}",
    "/orders/{order}/mend",
    "/parked",
    "/parked?code=UNKNOWN_CUSTOMER",
    "/parked?code=UNKNOWN_CUSTOMER&did=nothing",
    "/webhooks",
    "/webhooks/{endpoint}",
    "/portfolios",
    "/sign-in",
    f"/orders/{UUID(int=0)}",
    "/no-such-page",
)
# Of somebody who acts for a customer without orders, and must not see totals.
EMPTY_PAGES = ("/orders", "/parked", "/webhooks", "/portfolios")
COUNT = "section[aria-labelledby=statuses] li:has(.s-submitted) b"


@pytest.fixture(scope="module")
def order_id(system: System) -> str:
    (made,) = parked(system, 1, orderReference="LOOK-1")
    return made


def sign_in(found: Watched, credentials: str) -> None:
    page = found.go("/sign-in")
    page.get_by_label("Token or API key").fill(credentials)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_numbers_and_charts_move_without_a_reload(visit: Watched) -> None:
    page = visit.go()
    page.evaluate("window.isTheSamePage = true")
    first = number(page.locator(COUNT).inner_text())
    for _ in range(2):
        page.wait_for_function(
            "([css, before]) => Number(document.querySelector(css).textContent.replaceAll(',', '')) > before",
            arg=[COUNT, first],
        )
        first = number(page.locator(COUNT).inner_text())
    expect(page.locator(".charts.drawn canvas")).to_have_count(4)
    assert page.evaluate("window.isTheSamePage") is True
    expect(page.get_by_role("table", name="Workers that are alive").get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Pause").click()
    expect(page.get_by_role("link", name="Go on")).to_be_visible()
    assert page.locator("[hx-sse\\:connect]").count() == 0


def test_history_is_there_for_who_comes_later(visit: Watched, system: System) -> None:
    page = visit.go()
    eventually(lambda: len(page.request.get(f"{system.url}/dashboard/history").json()) > 1, seconds=40)
    page.reload()
    page.get_by_text("The hour as a table").click()
    expect(page.get_by_role("row").filter(has_text=":").first).to_be_visible()


def test_a_parked_order_is_found_mended_and_retried(visit: Watched, system: System) -> None:
    parked(system, 1, orderReference="MEND-ME")
    page = visit.go()
    page.get_by_role("link", name="Parked").click()
    page.get_by_role("navigation", name="Codes").get_by_role("link", name="Unknown customer").click()
    page.get_by_role("link", name="Mend MEND-ME").click()
    body = json.loads(page.get_by_role("textbox").input_value())
    page.get_by_role("textbox").fill(json.dumps({**body, "nonsense": 1}))
    page.get_by_role("button", name="Save and submit").click()
    expect(page.get_by_role("alert")).to_contain_text("nonsense")
    page.get_by_role("textbox").fill(json.dumps({**body, "notes": "mended"}))
    visit.said.clear()  # the browser says of itself that the answer was 422
    page.get_by_role("button", name="Save and submit").click()
    expect(page.get_by_role("status")).to_contain_text("The new body is stored")
    expect(page.get_by_role("heading", level=1)).to_have_text("MEND-ME")

    def is_held_again() -> bool:
        page.reload()
        return page.get_by_role("heading", name="Held").count() == 2

    eventually(is_held_again)  # its customer is as unknown as before
    page.get_by_text("change").first.click()
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status")).to_contain_text("Submitted again")


def test_all_of_a_code_are_retried_after_a_look_at_the_count(visit: Watched, system: System) -> None:
    parked(system, 2)
    page = visit.go("/parked?code=UNKNOWN_CUSTOMER")
    page.get_by_role("button", name="Retry all").click()
    heading = page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("button", name="again").click()
    expect(page.get_by_role("status")).to_contain_text(f"{heading.split()[1]} submitted again")


def test_a_webhook_is_delivered_again(visit: Watched, receiver: Receiver) -> None:
    page = visit.go("/webhooks")
    page.get_by_role("link", name=receiver.url).click()

    def is_delivered() -> bool:
        page.reload()
        return page.get_by_role("button", name="again").count() > 0

    eventually(is_delivered)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_contain_text("paused")
    button = page.get_by_role("button", name="again").first
    position = int((button.get_attribute("aria-label") or "").split()[2])
    button.click()
    expect(page.get_by_role("status")).to_contain_text("Delivered again.")
    expect(page.get_by_role("row").nth(1)).to_contain_text("redelivery")
    assert [told["data"]["position"] for told in receiver.told].count(position) == 2
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("status")).to_contain_text("resumed")


def test_orders_are_searched_and_followed(visit: Watched, order_id: str) -> None:
    page = visit.go("/orders")
    page.get_by_label("Words").fill("look-1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Statuses").get_by_role("link", name="ONHOLD")).to_contain_text("1")
    page.get_by_role("link", name="LOOK-1").click()
    assert page.url.endswith(f"/dashboard/orders/{order_id}")
    expect(page.get_by_text("The Portfolio Service knows no such customer.").first).to_be_visible()


def test_a_token_signs_in_and_out(visit: Watched, system: System) -> None:
    page = visit.page
    sign_in(visit, system.token(roles=(Role.ORDERS_READ,)))
    expect(page.get_by_role("heading", level=1)).to_have_text("Orders")
    expect(page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link")).to_have_text(
        ["Orders", "Parked"]
    )
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_the_keyboard_comes_first_to_the_content(visit: Watched) -> None:
    page = visit.go("/orders")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Words")).to_be_focused()


def test_everything_is_there_without_scripts(browser: Browser, system: System, order_id: str) -> None:
    with watched(browser, system, java_script_enabled=False) as found:
        page = found.go()
        expect(page.get_by_role("link", name="Reload")).to_be_visible()
        assert page.locator("noscript meta[http-equiv=refresh]").count() == 1
        page.get_by_role("link", name="Orders", exact=True).click()
        page.get_by_label("Words").fill("LOOK-1")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="LOOK-1").click()
        page.get_by_role("button", name="Retry").click()
        expect(page.get_by_role("status")).to_contain_text("Submitted again")
    assert order_id in page.url


@pytest.mark.parametrize("seen", [("light", 1280), ("dark", 390)], ids=str)
def test_every_page_is_accessible_and_fits(
    browser: Browser, system: System, order_id: str, receiver: Receiver, seen: tuple[Any, int]
) -> None:
    def is_parked() -> bool:
        with system.client() as client:
            details = client.get(f"/orders/{order_id}").json()
        return bool(details["status"] == "ONHOLD")

    eventually(is_parked)
    theme, width = seen
    with watched(browser, system, color_scheme=theme, viewport={"width": width, "height": 844}) as found:
        for path in PAGES:
            page = found.go(path.format(order=order_id, endpoint=receiver.endpoint_id))
            if path == "":
                page.locator(".charts.drawn").wait_for()
            require_accessible_and_fitting(page, path)
        page = found.go("/parked?code=UNKNOWN_CUSTOMER")
        page.get_by_role("button", name="Retry all").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("again?")
        require_accessible_and_fitting(page, "the confirmation")
        sign_in(found, system.token(roles=tuple(Role), entities=(str(UUID(int=1)),)))
        for path in EMPTY_PAGES:
            require_accessible_and_fitting(found.go(path), f"{path} without anything")
        # What the browser says of itself where the answer is an error.
        found.said[:] = [said for said in found.said if not re.search("status of (403|404|422)", said)]


def require_accessible_and_fitting(page: Page, path: str) -> None:
    for summary in page.locator("summary").all():
        summary.click()
    # axe's own script gets in by the debugger, not by the page: the policy stays as it is.
    faults = [
        (rule["id"], rule["impact"], [node["html"][:200] for node in rule["nodes"]])
        for rule in Axe().run(page).response["violations"]
    ]
    assert faults == [], path
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
