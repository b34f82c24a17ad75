"""The dashboard of an API process in memory, with orders behind it; brokers are nowhere, which no page may mind."""

import base64
import re
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2
import orjson
from pydantic import SecretStr
from starlette.testclient import TestClient

from hardware_orders import identifiers
from hardware_orders.actor import Actor
from hardware_orders.api import local_key
from hardware_orders.app import create_app
from hardware_orders.database import Database
from hardware_orders.delivery import numbering
from hardware_orders.delivery.pulse import Pulse
from hardware_orders.intake.group_commit import Request, store_by_halves
from hardware_orders.orders import process
from hardware_orders.orders.commands import Receive
from hardware_orders.orders.status import Intent
from hardware_orders.portfolio.lookup import Outcome, Unavailable, UnknownCustomer
from hardware_orders.roles import Role
from hardware_orders.sampling.portfolio_state import PortfolioState
from hardware_orders.sampling.sampler import Sampler
from hardware_orders.settings import Settings

NOWHERE = "redis://127.0.0.1:1"
OURS, THEIRS = (str(uuid.UUID(int=number)) for number in (1, 2))
ADA = Actor("00000000-0000-4000-8000-0000000000ad", "Ada <b>Lovelace</b>")
HOME = "http://127.0.0.1:8000"


@dataclass
class Site:
    """`database` is the tests' own way to look; the pages go by what the application was given."""

    client: TestClient
    database: Database
    key: Path

    def token(self, *roles: Role, entities: Collection[str] = ("*",), seconds: int = 600) -> str:
        key = local_key.load(self.key)
        return local_key.issue(
            key, sub=f"{ADA.uid}", name=ADA.name, entities=list(entities), roles=list(roles), seconds=seconds
        )

    def visitor(self, *roles: Role, entities: Collection[str] = ("*",)) -> "Visitor":
        """Somebody with a browser of their own, signed in."""
        visitor = Visitor(self.client)
        answer = visitor.send("/dashboard/sign-in", {"credentials": self.token(*roles, entities=entities)})
        assert answer.status_code == 303, answer.text
        return visitor

    def order(self, customer: str = OURS, *, parked: bool = False, **extra: Any) -> str:
        """The id of an order that has been settled, or parked because nobody knows its customer."""
        body = {"orderReference": "R-1", "customerEntityUid": customer, **extra}
        intent = Intent.SUBMIT if parked else Intent.DRAFT
        return self._settled(body, intent, UnknownCustomer(), simplified=parked)

    def waiting(self, reason: str, customer: str = OURS) -> str:
        """The id of an order that waits, because its portfolio could not be looked up, for this reason."""
        body = {"orderReference": "R-1", "customerEntityUid": customer}
        return self._settled(body, Intent.SUBMIT, Unavailable(reason), simplified=True)

    def _settled(self, body: dict[str, Any], intent: Intent, outcome: Outcome, *, simplified: bool) -> str:
        sent = orjson.dumps(body).decode()
        command = Receive(identifiers.new(), sent, body, intent, simplified=simplified, actor=ADA)
        store_by_halves(self.database, [Request(command, None)])
        asked = [command.order_id]
        process.settle(self.database, lambda uids: dict.fromkeys(uids, outcome), asked, swept=False, max_attempts=4)
        while numbering.number(self.database):
            pass
        return command.order_id

    def sample(self) -> None:
        Sampler(self.database, Pulse(NOWHERE), PortfolioState(None, NOWHERE), timedelta(minutes=1)).take()


class Visitor:
    """A browser as far as it matters: it keeps cookies, sends the form's token, and says where from."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self._asked("GET", path, None, headers)

    def send(
        self, path: str, fields: Mapping[str, Any], *, page: str = "/dashboard/sign-in", **headers: str
    ) -> httpx2.Response:
        """Send a form, with the token that `page` gives."""
        token = re.search(r'name="form_token" value="([^"]*)"', self.get(page).text)
        assert token, page
        return self._asked("POST", path, {"form_token": token[1], **fields}, {"origin": HOME, **headers})

    def raw(self, path: str, fields: Mapping[str, Any], **headers: str) -> httpx2.Response:
        return self._asked("POST", path, fields, headers)

    def _asked(self, method: str, path: str, data: Any, headers: Mapping[str, str]) -> httpx2.Response:
        sent = dict(headers)
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self._client.cookies.clear()
        answer = self._client.request(method, path, data=data, headers=sent, follow_redirects=False)
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0].strip('"')
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return answer


class Outline(HTMLParser):
    """What a page is made of: its tags with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@contextmanager
def opened(folder: Path, url: str, services_url: str, *, is_open: bool = False) -> Iterator[Site]:
    """The application on this database; its processes log in by `services_url`."""
    key = folder / "key.json"
    settings = Settings(
        database_url=services_url,
        broker_url=NOWHERE,
        events_url=NOWHERE,
        local_signing_key=key,
        secret_keys=SecretStr(base64.urlsafe_b64encode(bytes(32)).decode()),
        dashboard_open=is_open,
    )
    database = Database(url)
    with TestClient(create_app(settings), base_url=HOME, client=("127.0.0.1", 40_000)) as client:
        yield Site(client, database, key)
    database.dispose()
