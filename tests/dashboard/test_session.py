"""Signing in and out, whose forms are taken, who is let in without signing in, and what is served beside the pages."""

import hashlib
import re
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from hardware_orders import api_keys, dashboard
from hardware_orders.api.authentication import REMEMBERED_SECONDS
from hardware_orders.app import create_app
from hardware_orders.dashboard import attempts
from hardware_orders.dashboard.routes import ROUTES
from hardware_orders.dashboard.session import BROWSER_COOKIE, CREDENTIALS_COOKIE
from hardware_orders.errors import WrongSettingError
from hardware_orders.roles import Role
from hardware_orders.settings import Settings
from tests.dashboard.site import HOME, NOWHERE, Site, Visitor

VENDORED = Path(dashboard.__file__).parent / "static" / "vendor"


def test_nobody_sees_a_page_without_signing_in(site: Site) -> None:
    nobody = Visitor(site.client)
    for route in ROUTES:
        path = route.path.replace("{orderId}", "00000000-0000-4000-8000-000000000000")
        if "{name:path}" in path or "/sign-" in path:
            continue
        method = next(iter((route.methods or set()) - {"HEAD"}))
        answer = nobody.get(path) if method == "GET" else nobody.send(path, {})
        assert (answer.status_code, answer.headers.get("location", "")[:18]) == (303, "/dashboard/sign-in"), path


def test_signing_in_leads_to_the_page_that_was_asked_for(site: Site) -> None:
    visitor = Visitor(site.client)
    asked = visitor.get("/dashboard/orders?status=DRAFT").headers["location"]
    assert asked == "/dashboard/sign-in?next=%2Fdashboard%2Forders%3Fstatus%3DDRAFT"
    form = {"credentials": f"Bearer {site.token(Role.ORDERS_READ)}", "next": "/dashboard/orders?status=DRAFT"}
    answer = visitor.send("/dashboard/sign-in", form)
    assert answer.headers["location"] == "/dashboard/orders?status=DRAFT"
    (cookie,) = [line for line in answer.headers.get_list("set-cookie") if line.startswith(CREDENTIALS_COOKIE)]
    assert {"HttpOnly", "Path=/dashboard", "SameSite=strict"} <= set(cookie.split("; "))
    assert visitor.get("/dashboard/orders").status_code == 200
    left = visitor.send("/dashboard/sign-out", {}, page="/dashboard/orders")
    assert (left.status_code, CREDENTIALS_COOKIE in visitor.cookies) == (303, False)
    assert visitor.get("/dashboard/orders").status_code == 303


@pytest.mark.parametrize(
    "address", ["https://evil.example/dashboard", "//evil.example", "/dashboardish", "/docs", "/dashboard/\\x"]
)
def test_signing_in_leads_nowhere_else(site: Site, address: str) -> None:
    form = {"credentials": site.token(Role.ADMIN), "next": address}
    assert Visitor(site.client).send("/dashboard/sign-in", form).headers["location"] == "/dashboard"


def test_over_tls_the_cookie_stays_there(site: Site) -> None:
    visitor = Visitor(site.client)
    form = {"credentials": site.token(Role.ADMIN)}
    answer = visitor.send("/dashboard/sign-in", form, origin=HOME.replace("http:", "https:"))
    assert all("Secure" in line for line in answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize(
    "wrong", ["", "no-token", "a b", "x" * 5000, "hw_00000000-0000-4000-8000-000000000000_" + "A" * 43]
)
def test_what_is_no_token_is_told_so_and_kept_nowhere(site: Site, wrong: str) -> None:
    visitor = Visitor(site.client)
    answer = visitor.send("/dashboard/sign-in", {"credentials": wrong})
    assert (answer.status_code, CREDENTIALS_COOKIE in visitor.cookies) == (422, False)
    assert 'class="fault"' in answer.text
    assert wrong == "" or wrong not in answer.text


def test_the_cookie_is_no_way_into_the_api(site: Site) -> None:
    cookie = f"{CREDENTIALS_COOKIE}={site.token(*Role)}"
    assert site.client.get("/orders", headers={"cookie": cookie}).status_code == 401


def test_a_session_ends_with_its_token(site: Site) -> None:
    visitor = Visitor(site.client)
    visitor.cookies[CREDENTIALS_COOKIE] = site.token(Role.ORDERS_READ, seconds=-3600)
    assert visitor.get("/dashboard/orders").status_code == 303
    assert "The session has ended" in visitor.get("/dashboard/sign-in").text


def test_a_session_ends_when_its_key_is_revoked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    key, text = api_keys.create(site.database, name="Till", entities=["*"], roles=[Role.ORDERS_READ])
    visitor = Visitor(site.client)
    assert visitor.send("/dashboard/sign-in", {"credentials": text}).status_code == 303
    assert visitor.get("/dashboard/orders").status_code == 200
    api_keys.revoke(site.database, key.key_id)
    later = time.monotonic() + REMEMBERED_SECONDS + 1
    monkeypatch.setattr(site.client.app.state.context.authenticator, "_clock", lambda: later)  # type: ignore[attr-defined]
    assert visitor.get("/dashboard/orders").status_code == 303


def test_too_many_failures_are_refused_for_a_while(site: Site) -> None:
    visitor, counter = Visitor(site.client), site.client.app.state.board.attempts  # type: ignore[attr-defined]
    for _ in range(attempts.ATTEMPTS_MOST):
        counter.failed()
    assert visitor.send("/dashboard/sign-in", {"credentials": site.token(Role.ADMIN)}).status_code == 429
    counter._failed_at.clear()
    assert visitor.send("/dashboard/sign-in", {"credentials": site.token(Role.ADMIN)}).status_code == 303


def test_only_the_sessions_own_form_from_its_own_page_is_taken(site: Site) -> None:
    owner, other = site.visitor(*Role), site.visitor(*Role)
    order_id = site.order(parked=True)
    path = f"/dashboard/orders/{order_id}/retry"
    page = owner.get(f"/dashboard/orders/{order_id}").text
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found
    token = found[1]
    for fields, headers in (
        ({"form_token": ""}, {"origin": HOME}),
        ({"form_token": "0" * 64}, {"origin": HOME}),
        ({"form_token": token}, {}),
        ({"form_token": token}, {"origin": "null"}),
        ({"form_token": token}, {"origin": "https://evil.example"}),
        ({"form_token": token}, {"origin": f"{HOME}.evil.example"}),
    ):
        assert owner.raw(path, fields, **headers).status_code == 403, (fields, headers)
    assert other.raw(path, {"form_token": token}, origin=HOME).status_code == 403
    stranger = Visitor(site.client)
    stranger.cookies = {**owner.cookies, BROWSER_COOKIE: "x" * 43}
    assert stranger.raw(path, {"form_token": token}, origin=HOME).status_code == 403
    assert owner.raw(path, {"form_token": token}, origin=HOME).status_code == 303


def test_a_form_is_bounded_and_of_one_kind(site: Site) -> None:
    owner = site.visitor(*Role)
    form = {"form_token": "x", **{f"f{n}": "" for n in range(2_001)}}
    assert owner.raw("/dashboard/sign-out", form, origin=HOME).status_code == 400
    json_form = {"content-type": "application/json"}
    assert owner.raw("/dashboard/sign-out", {}, origin=HOME, **json_form).status_code == 415
    assert owner.get("/dashboard/sign-out").status_code == 404  # a form leads there, and no link


@pytest.mark.parametrize(
    ("headers", "is_let_in"),
    [
        ({}, True),
        ({"host": "localhost:8000"}, True),
        ({"host": "[::1]:8000"}, True),
        ({"host": "rebound.example:8000"}, False),  # a foreign name that was made to lead here
        ({"host": "127.0.0.1.evil.example"}, False),
        ({"x-forwarded-for": "203.0.113.9"}, False),
        ({"forwarded": "for=203.0.113.9"}, False),
        ({"via": "1.1 proxy"}, False),
    ],
)
def test_an_open_dashboard_is_open_at_this_machine_only(
    open_site: Site, headers: dict[str, str], *, is_let_in: bool
) -> None:
    answer = Visitor(open_site.client).get("/dashboard/orders", **headers)
    assert (answer.status_code == 200) is is_let_in
    assert answer.status_code in (200, 303)


def test_an_open_dashboard_takes_no_connection_from_elsewhere(open_site: Site) -> None:
    elsewhere = TestClient(open_site.client.app, base_url=HOME, client=("192.0.2.7", 5000))
    assert elsewhere.get("/dashboard/orders", follow_redirects=False).status_code == 303


def test_an_open_dashboard_asks_for_its_own_forms_as_well(open_site: Site) -> None:
    visitor = Visitor(open_site.client)
    order_id = open_site.order(parked=True)
    path, page = f"/dashboard/orders/{order_id}/retry", f"/dashboard/orders/{order_id}"
    assert visitor.raw(path, {"form_token": ""}, origin=HOME).status_code == 403
    assert visitor.send(path, {}, page=page, origin="http://evil.example").status_code == 403
    assert visitor.send(path, {}, page=page).status_code == 303


def test_an_open_dashboard_is_not_served_to_the_network(tmp_path: Path) -> None:
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/orders.db",
        broker_url=NOWHERE,
        events_url=NOWHERE,
        local_signing_key=tmp_path / "key.json",
        dashboard_open=True,
        host="0.0.0.0",  # noqa: S104  # refused
    )
    with pytest.raises(WrongSettingError, match="DASHBOARD_OPEN"):
        create_app(settings)


def test_static_files_are_cached_and_nothing_else_is_there(open_site: Site) -> None:
    page = Visitor(open_site.client).get("/dashboard").text
    addresses = re.findall(r'(?:src|href)="(/dashboard/static/[^"]+)"', page)
    assert len(addresses) == 7
    for address in addresses:
        answer = open_site.client.get(address)
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
        again = open_site.client.get(address, headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
    for name in ("vendor/README.md", "../__init__.py", "..%2Fpages.py", "nothing.js", "vendor"):
        assert open_site.client.get(f"/dashboard/static/{name}").status_code == 404


def test_what_is_vendored_is_what_its_list_says() -> None:
    listed = dict(
        re.findall(r"^\| `([\w.-]+)` \|.*`([0-9a-f]{64})` \|$", (VENDORED / "README.md").read_text(), re.MULTILINE)
    )
    files = [path for path in VENDORED.iterdir() if path.suffix in (".js", ".css")]
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files} == listed
