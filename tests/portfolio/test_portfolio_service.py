"""The reference Portfolio Service over real sockets: the contract, each misbehaviour, and what steers it."""

import asyncio
import gzip
import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from hardware_orders import cli, logging, samples
from hardware_orders.portfolio.document import read_document
from hardware_orders.portfolio.file_source import FileSource
from hardware_orders.portfolio.portfolio import WrongPortfolioError, parse_portfolios
from hardware_orders.portfolio_service import misbehaviour
from hardware_orders.portfolio_service.application import create_app
from hardware_orders.portfolio_service.misbehaviour import Mode
from tests import raw_http
from tests.portfolio.service import PortfolioService, serving
from tests.system import eventually

DOCS = Path(__file__).parents[2] / "docs" / "portfolio.md"
BAKERY = "c0a8f3de-51b2-4e0f-8a6d-7b1e94d2f101"
FUEL = "84e5b6a7-3c9d-4f12-a0be-5d6c7f8e9202"
STRANGER = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
PATH = f"/portfolios?customerEntityUid={BAKERY}"


@pytest.fixture(scope="module")
def running() -> Iterator[PortfolioService]:
    with serving(samples.portfolios_path()) as service:
        yield service


@pytest.fixture
def service(running: PortfolioService) -> PortfolioService:
    running.misbehave()
    running.calls()
    return running


def ask(service: PortfolioService, customer: str = BAKERY, **headers: str) -> httpx2.Response:
    return service.http.get("/portfolios", params={"customerEntityUid": customer}, headers=headers)


def raw(service: PortfolioService) -> raw_http.Answer:
    return raw_http.exchange(service.url, raw_http.request("GET", PATH), "GET")


def test_a_customers_portfolios_are_those_of_the_file(service: PortfolioService) -> None:
    answer = ask(service, FUEL)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    document: Any = read_document(samples.portfolios_path())
    theirs = [portfolio for portfolio in document["portfolios"] if portfolio["customerEntityUid"] == FUEL]
    assert answer.json() == {"portfolios": theirs}
    assert answer.headers["cache-control"] == "private, max-age=60"


def test_who_has_the_answer_is_told_so(service: PortfolioService) -> None:
    etag = ask(service).headers["etag"]
    for condition in (etag, f'"other", W/{etag}', "*"):
        again = ask(service, **{"if-none-match": condition})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-control"] == "private, max-age=60"
    assert ask(service, **{"if-none-match": '"other"'}).status_code == 200
    assert ask(service, FUEL, **{"if-none-match": etag}).status_code == 200
    counted = service.calls()
    assert (counted["total"], counted["notModified"]) == (6, 3)


def test_an_unknown_customer_is_a_404(service: PortfolioService) -> None:
    answer = ask(service, STRANGER, **{"if-none-match": "*"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["detail"] == "There is no customer of this id."


@pytest.mark.parametrize(
    "query", ["", "?customerEntityUid=", f"?customerEntityUid={BAKERY.upper()}", PATH[11:] + "&" + PATH[12:]]
)
def test_what_is_no_uuid_is_a_400(service: PortfolioService, query: str) -> None:
    answer = service.http.get(f"/portfolios{query}")
    assert (answer.status_code, "customerEntityUid" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 404), ("POST", PATH, 405)])
def test_all_else_is_a_problem_too(service: PortfolioService, method: str, path: str, status: int) -> None:
    answer = service.http.request(method, path)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_calls_are_counted(service: PortfolioService) -> None:
    for customer in (BAKERY, FUEL, BAKERY, "no uuid"):
        ask(service, customer)
    assert service.http.get("/calls").json() == {
        "total": 4,
        "notModified": 0,
        "mostAtOnce": 1,
        "followed": 0,
        "perCustomer": {BAKERY: 2, FUEL: 1},
        "others": 1,
    }
    service.calls()
    assert service.calls()["total"] == 0


def test_with_a_token_the_lookup_wants_it() -> None:
    with serving(samples.portfolios_path(), token="T0KEN", max_age=7) as service:
        for sent in ([], [(b"authorization", b"Bearer other")], [(b"authorization", b"Bearer \xff")]):
            answer = service.http.get(PATH, headers=sent)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert service.http.get(PATH.replace("portfolios", "moved"), headers=sent).status_code == 401
        answer = ask(service, authorization="Bearer T0KEN")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, max-age=7")
        assert service.http.get("/healthz").status_code == 200


def test_a_file_that_becomes_wrong_is_served_as_it_was_and_said_so(tmp_path: Path) -> None:
    path = tmp_path / "portfolios.yaml"
    shutil.copy(samples.portfolios_path(), path)
    with serving(path) as service:
        good = ask(service)
        path.write_text("portfolios: [")
        eventually(lambda: "fault" in service.http.get("/healthz").json())
        assert "is not YAML" in service.http.get("/healthz").json()["fault"]
        assert ask(service).content == good.content
        document: Any = read_document(samples.portfolios_path())
        document["portfolios"][0]["version"] += 1
        path.write_text(yaml.safe_dump(document))
        eventually(lambda: "fault" not in service.http.get("/healthz").json())
        assert ask(service, **{"if-none-match": good.headers["etag"]}).json()["portfolios"][0]["version"] == 8


REFUSED: dict[Mode, Callable[[httpx2.Response], bool]] = {
    Mode.ERROR: lambda answer: answer.status_code == 503,
    Mode.REDIRECT: lambda answer: (answer.status_code, answer.headers["location"]) == (302, f"/moved{PATH[11:]}"),
    Mode.NOT_FOUND: lambda answer: answer.status_code == 404,
    Mode.NOT_MODIFIED: lambda answer: answer.status_code == 304,
    Mode.NO_CONTENT_TYPE: lambda answer: "content-type" not in answer.headers,
    Mode.NO_CACHE_HEADERS: lambda answer: not {"etag", "cache-control"} & set(answer.headers),
    Mode.ODD_CACHE_HEADERS: lambda answer: (
        (answer.headers["etag"], "max-age=soon" in answer.headers["cache-control"]) == ("7", True)
    ),
    Mode.HUGE: lambda answer: len(answer.content) > 2**20 and len(answer.json()["portfolios"]) == 1,
    Mode.ENDLESS: lambda answer: "content-length" not in answer.headers and len(answer.content) > 2**25,
    Mode.EMPTY: lambda answer: answer.json() == {"portfolios": []},
}


@pytest.mark.parametrize("mode", REFUSED)
def test_a_misbehaviour_is_what_its_name_says(service: PortfolioService, mode: Mode) -> None:
    service.misbehave(mode)
    assert REFUSED[mode](ask(service))


@pytest.mark.parametrize("mode", [Mode.WRONG_TYPES, Mode.NO_DEFAULT])
def test_portfolios_that_are_none(service: PortfolioService, mode: Mode) -> None:
    service.misbehave(mode)
    with pytest.raises(WrongPortfolioError):
        parse_portfolios(ask(service, **{"if-none-match": "*"}).json())


def test_portfolios_of_another_customer_are_good_ones(service: PortfolioService) -> None:
    service.misbehave(Mode.WRONG_CUSTOMER)
    [portfolio] = parse_portfolios(ask(service).json())
    assert portfolio.customer_entity_uid not in {BAKERY, FUEL}


def test_garbage_is_no_json(service: PortfolioService) -> None:
    service.misbehave(Mode.GARBAGE)
    with pytest.raises(ValueError):  # noqa: PT011 - the words are the parser's
        json.loads(ask(service).content)


def test_a_bomb_is_small_until_it_is_opened(service: PortfolioService) -> None:
    service.misbehave(Mode.BOMB)
    answer = raw(service)
    assert (answer.headers["content-encoding"], len(answer.content) < 2**17) == ("gzip", True)
    assert len(gzip.decompress(answer.content)) == 2**26


def received(service: PortfolioService) -> bytes:
    with raw_http.connect(service.url) as connection:
        connection.sendall(raw_http.request("GET", PATH))
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_answers_that_are_not_https(service: PortfolioService) -> None:
    whole = len(ask(service).content)
    service.misbehave(Mode.CLOSED)
    assert received(service) == b""
    service.misbehave(Mode.NOT_HTTP)
    assert received(service).startswith(b"220 ")
    service.misbehave(Mode.TRUNCATED)
    head, _, body = received(service).partition(b"\r\n\r\n")
    assert f"Content-Length: {whole}".encode() in head
    assert len(body) == whole // 2


def test_slow_and_dripping_answers_are_right_and_end_with_their_reader(service: PortfolioService) -> None:
    good = ask(service).content
    service.misbehave(Mode.SLOW, seconds=0.2)
    assert ask(service).content == good
    service.misbehave(Mode.DRIP, seconds=0)
    assert ask(service).content == good
    for mode in (Mode.SLOW, Mode.DRIP):
        service.misbehave(mode, seconds=600)
        service.calls()
        with raw_http.connect(service.url) as connection:
            connection.sendall(raw_http.request("GET", PATH))
            eventually(lambda: service.http.get("/calls").json()["total"] == 1)
            service.misbehave()
            assert ask(service).content == good
            assert service.calls()["mostAtOnce"] == 2
        # The call in hand would count beside the one that asks.
        eventually(lambda: service.calls() and ask(service) and service.calls()["mostAtOnce"] == 1)


def test_flapping_fails_every_other_time(service: PortfolioService) -> None:
    service.misbehave(Mode.FLAPPING, status=500)
    assert [ask(service).status_code for _ in range(4)] == [500, 200, 500, 200]


def test_a_misbehaviour_of_so_many_calls_ends_by_itself(service: PortfolioService) -> None:
    service.misbehave(Mode.ERROR, calls=2)
    assert [ask(service).status_code for _ in range(3)] == [503, 503, 200]
    assert service.http.get("/misbehaviour").json()["mode"] == "none"


def test_who_follows_a_redirect_is_found_out(service: PortfolioService) -> None:
    service.misbehave(Mode.REDIRECT)
    assert service.http.get(PATH, follow_redirects=True).status_code == 200
    assert service.calls()["followed"] == 1


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ('{"mode": "rude"}', "mode"),
        ('{"mode": "slow", "seconds": 601}', "seconds"),
        ('{"mode": "slow", "minutes": 1}', "minutes"),
        ("{", "the body"),
        (" " * 5000 + '{"mode": "slow"}', "the body"),
    ],
)
def test_a_misbehaviour_that_it_does_not_know_is_refused(service: PortfolioService, body: str, where: str) -> None:
    answer = service.http.put("/misbehaviour", content=body)
    assert (answer.status_code, answer.json()["detail"].split(":")[0]) == (400, where)
    assert service.http.get("/misbehaviour").json()["mode"] == "none"


@pytest.mark.parametrize(("method", "path"), [("GET", "/calls"), ("DELETE", "/calls"), ("PUT", "/misbehaviour")])
def test_only_this_machine_steers_it(method: str, path: str) -> None:
    app = create_app(FileSource(samples.portfolios_path()), max_age=60, token=None, misbehaviour=misbehaviour.BEHAVING)

    async def from_elsewhere() -> httpx2.Response:
        transport = httpx2.ASGITransport(app, client=("192.0.2.1", 1234))
        async with httpx2.AsyncClient(transport=transport, base_url="http://service") as http:
            assert (await http.get(PATH)).status_code == 200
            return await http.request(method, path, json={"mode": "error"} if method == "PUT" else None)

    answer = asyncio.run(from_elsewhere())
    assert (answer.status_code, "Only this machine" in answer.json()["detail"]) == (403, True)


def test_every_mode_is_explained_here_and_in_the_document() -> None:
    assert list(misbehaviour.MEANINGS) == list(Mode)
    text = DOCS.read_text()
    assert [mode for mode in Mode if f"`{mode}`" not in text] == []


@pytest.mark.parametrize(("number", "codes"), [(signal.SIGTERM, {0}), (signal.SIGINT, {0, 130})])
def test_the_command_serves_until_it_is_told_to_stop(number: signal.Signals, codes: set[int]) -> None:
    command = [sys.executable, "-m", "hardware_orders", "portfolio", "serve"]
    words = [str(samples.portfolios_path()), "--port", "0", "--misbehave", "error"]
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.split(" at ")[1].split("/portfolios")[0]
        assert httpx2.get(url + PATH).status_code == 503
        process.send_signal(number)
        assert process.wait(30) in codes


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["none.yaml"], "cannot be read: No such file or directory. `hardware-orders portfolio check none.yaml`"),
        ([str(samples.portfolios_path()), "--misbehave", "rude"], "it must be one of none, slow"),
    ],
)
def test_what_cannot_be_served_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["hardware-orders", "portfolio", "serve", *words])
    monkeypatch.setattr(logging, "configure", lambda *_: None)  # it would stay for all other tests
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = " ".join(capsys.readouterr().err.replace("│", "").split())
    assert (ended.value.code, sentence in told) == (2, True)


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = ["portfolio", "serve", str(samples.portfolios_path()), "--port", str(taken.getsockname()[1])]
        ended = subprocess.run(
            [sys.executable, "-m", "hardware_orders", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert (ended.returncode != 0, "address already in use" in ended.stderr) == (True, True)
