"""The commands about orders as processes: what they ask, what they print, and the code that they end with."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hardware_orders import cli
from hardware_orders.api import local_key
from hardware_orders.client import tables
from tests.client import scripted
from tests.client.scripted import ORDER_ID, Service, answers, order, refuses, serving
from tests.system import eventually

COMMAND = [sys.executable, "-m", "hardware_orders"]
Run = Callable[..., "Ended"]
FAULTS = {
    "detail": "notes must be shorter. There are 2 errors in all.",
    "param": "notes",
    "errors": [
        {"param": "notes", "code": "too_long", "message": "notes must be shorter."},
        {"param": "x", "code": "unknown", "message": "x is not a field."},
    ],
}
HOSTILE = "\x1b[2J\x9b31m \u202eevil"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@dataclass(frozen=True)
class Ended:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def settings(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command finds around it, in this process and in those that it starts."""
    service.asked.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARDWARE_ORDERS_URL", service.url)
    monkeypatch.setenv("HARDWARE_ORDERS_TOKEN", "TOKEN")


@pytest.fixture
def run(settings: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:  # noqa: ARG001
    """The command in this process; `started` is the same as a process of its own."""

    def run(*words: str, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "argv", ["hardware-orders", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return run


def started(*words: str, stdin: str = "", **environment: str) -> Ended:
    ended = subprocess.run(
        [*COMMAND, *words], input=stdin, capture_output=True, text=True, check=False, env=os.environ | environment
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["submit", "-", "--draft", "--simplified", "--key", "K", "--wait", "5"], "POST /orders/hardware"),
        (["get", ORDER_ID], f"GET /orders/{ORDER_ID}"),
        (["replace", ORDER_ID, "-"], f"PUT /orders/hardware/{ORDER_ID}"),
        (["submit-draft", ORDER_ID, "--portfolio-version", "latest"], f"POST /orders/drafts/{ORDER_ID}"),
        (["cancel", ORDER_ID, "--reason", "OTHER"], f"POST /orders/{ORDER_ID}/cancel"),
        (["discard", ORDER_ID], f"DELETE /orders/drafts/{ORDER_ID}"),
    ],
)
def test_each_asks_its_operation_and_prints_the_answer(service: Service, run: Run, words: list[str], line: str) -> None:
    service.script = [answers(200, order(notes=HOSTILE, created="é"))]
    shown = run(*words, stdin="{}")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert ORDER_ID in shown.stdout
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown.stdout)
    told = run(*words, "--json", stdin="{}")
    expected = {"orderId": ORDER_ID} if words[0] == "discard" else order(notes=HOSTILE, created="é")
    assert (told.returncode, json.loads(told.stdout)) == (0, expected)
    assert service.lines == [line, line]
    assert service.asked[0].headers["authorization"] == "Bearer TOKEN"
    if words[0] == "submit-draft":
        assert service.asked[0].headers["x-portfolio-version"] == "latest"
    if words[0] == "submit":
        names = ("savedraft", "x-use-simplified-order-flow", "idempotency-key", "prefer")
        assert [service.asked[0].headers[name] for name in names] == ["true", "true", "K", "wait=5"]


def test_list_asks_for_as_many_as_it_shows(service: Service, run: Run) -> None:
    page = {"items": [order(orderId="a"), order(orderId="b")], "nextCursor": "more"}
    service.script = [answers(200, page)]
    words = ["list", "--status", "DRAFT", "--customer", ORDER_ID, "--reference", "R-1", "--limit", "3", "--json"]
    assert [found["orderId"] for found in json.loads(run(*words).stdout)] == ["a", "b", "a"]
    first = f"GET /orders?limit=3&status=DRAFT&customerEntityUid={ORDER_ID}&orderReference=R-1"
    assert service.lines == [first, f"{first}&cursor=more"]
    shown = run("list", "--limit", "1")
    assert shown.returncode == 0
    assert "R-1" in shown.stdout
    assert service.lines[2:] == ["GET /orders?limit=1"]


def test_a_detailed_status_is_shown_where_it_says_more(service: Service, run: Run) -> None:
    for detailed, said in (("SUBMITTED", []), ("UNDER_REVIEW", ["UNDER_REVIEW"])):
        service.script = [answers(200, order(internal={"extendedDetails": {"status": detailed}}))]
        words = run("get", ORDER_ID).stdout.split()
        assert [word for word in words if word in ("SUBMITTED", "UNDER_REVIEW")] == ["SUBMITTED", *said]


def test_preview_shows_every_value_its_origin_and_what_is_missing(service: Service, run: Run) -> None:
    origin = {"portfolioUid": ORDER_ID, "version": 7}
    long = "A text longer than what a few words of an order's table show."
    derived = [
        {"pointer": "/notes", "value": long, "origin": "override", "rule": f"override 2: poRef = {HOSTILE}", **origin},
        {"pointer": "/requestedDate", "value": "2026-12-01", "origin": "computed", "rule": "5 days on", **origin},
    ]
    told = {"order": {}, "derivedFields": derived, "missing": ["/poRef", "/additionalOrderData/VAT_ID"]}
    service.script = [answers(200, told)]
    shown = run("preview", "-", stdin="{}")
    assert (shown.returncode, service.lines) == (0, ["POST /orders/hardware/preview"])
    words = " ".join(shown.stdout.replace("│", " ").split())
    for said in ("/notes", "override 2: poRef", "computed: 5 days on", f"Portfolio {ORDER_ID}, version 7."):
        assert said in words
    assert set(long.split()) <= set(words.split())
    assert words.endswith("/poRef /additionalOrderData/VAT_ID")
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown.stdout)
    assert json.loads(run("preview", "-", "--json", stdin="{}").stdout) == told
    service.script = [answers(200, {"order": {}, "derivedFields": [], "missing": []})]
    assert run("preview", "-", stdin="{}").stdout.startswith("Nothing would be derived")


def test_timeline_shows_every_event(service: Service, run: Run) -> None:
    data = {"sequence": 1, "position": 5, "previousStatus": None, "status": "RECEIVED", "actor": {"name": "Ann"}}
    event = {"id": "e", "type": "hardware-orders.order.received", "time": "2026-11-23T09:05:00Z", "data": data}
    service.script = [answers(200, {"events": [event], "nextAfter": 5})]
    shown = run("timeline", ORDER_ID)
    for word in ("2026-11-23 09:05:00", "order.received", "- → RECEIVED", "Ann"):
        assert word in shown.stdout
    assert json.loads(run("timeline", ORDER_ID, "--json").stdout) == [event]


@pytest.mark.parametrize(
    ("step", "code", "words"),
    [
        (answers(400, FAULTS), 1, "refused with 400.\n  notes must be shorter.\n  x is not a field.\n"),
        (refuses(409, f"It is gone.{HOSTILE}"), 1, "refused with 409.\n  It is gone.\ufffd[2J\ufffd31m \ufffdevil\n"),
        (answers(403, {"detail": "Not yours.", "param": "customerEntityUid"}), 1, "  customerEntityUid: Not yours.\n"),
        (refuses(503, "Try later.", Retry_After="3600"), 3, "The service answered 503: Try later.\n"),
        (answers(200, b"<p>Welcome</p>"), 3, "not as this service does"),
    ],
)
def test_the_exit_code_and_standard_error_say_what_went_wrong(
    service: Service, run: Run, step: scripted.Step, code: int, words: str
) -> None:
    service.script = [step]
    ended = run("submit", "-", "--json", stdin="{}")
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.startswith("hardware-orders: ")
    assert words in ended.stderr


@pytest.mark.usefixtures("settings")
def test_as_processes_they_end_with_their_codes_and_without_tracebacks(service: Service) -> None:
    service.script = [answers(200, order(notes="é\u202e"))]
    done = started("submit", "-", "--json", stdin="{}", PYTHONIOENCODING="ascii")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, order(notes="é\u202e"), "")
    assert started("get", ORDER_ID, PYTHONIOENCODING="ascii").returncode == 0
    service.script = [refuses(404, "There is no order of this id.")]
    refused = started("get", ORDER_ID)
    assert refused == Ended(1, "", "hardware-orders: refused with 404.\n  There is no order of this id.\n")
    wrong = started("get", "nonsense")
    assert wrong == Ended(2, "", "hardware-orders: An order's id must be a UUID, as the service gave it.\n")
    # Discard, RFC 863: nobody listens there.
    away = started("get", ORDER_ID, HARDWARE_ORDERS_URL="http://127.0.0.1:9")
    assert (away.returncode, away.stdout) == (3, "")
    assert away.stderr.startswith("hardware-orders: http://127.0.0.1:9 does not answer (ConnectError")


@pytest.mark.parametrize(
    ("words", "stdin", "environment", "sentence"),
    [
        (["submit", "missing.json"], "", {}, "missing.json cannot be read: No such file or directory."),
        (["submit", "-"], "", {}, "standard input must hold one order as JSON"),
        (["submit", "-"], '{"a": 1', {}, "standard input must hold one order as JSON (line 1, column 8"),
        (["submit", "-"], "{}\n{}\n", {}, "It seems to hold several; send them one by one."),
        (["submit", "-"], "[{}]", {}, "it holds a list; send its orders one by one."),
        (["submit", "-"], "1", {}, "must hold one order, a JSON object"),
        (["submit", "-"], "[" * 100_000, {}, "must hold one order as JSON."),
        (["submit", "-"], " " * (16 * 2**20 + 1), {}, "is longer than any order can be."),
        (["get", "nonsense"], "", {}, "An order's id must be a UUID"),
        (["get", ORDER_ID], "", {"URL": "localhost"}, "The service's URL must be http"),
        (["get", ORDER_ID], "", {"TOKEN": "a b"}, "The token must be one word"),
        (["get", ORDER_ID], "", {"TOKEN": ""}, "TOKEN is not set, and there is no local key data/signing-key.json."),
        (["get", ORDER_ID, "--url", "http://192.0.2.1"], "", {"TOKEN": ""}, "TOKEN is not set. Set it to a token for"),
        (["list", "--limit", "0"], "", {}, "--limit"),
        (["cancel", ORDER_ID], "", {}, "--reason"),
    ],
)
def test_wrong_usage_is_code_2_and_asks_nobody(
    service: Service,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    *,
    words: list[str],
    stdin: str,
    environment: dict[str, str],
    sentence: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"HARDWARE_ORDERS_{name}", value)
    ended = run(*words, stdin=stdin)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert sentence in ended.stderr
    assert service.asked == []


def test_the_local_key_signs_for_this_machine_alone(
    service: Service, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    local_key.load(tmp_path / "data" / "signing-key.json")
    monkeypatch.delenv("HARDWARE_ORDERS_TOKEN")
    service.script = [answers(200, order())]
    assert run("get", ORDER_ID).returncode == 0
    assert service.asked[0].headers["authorization"].count(".") == 2
    ended = run("get", ORDER_ID, "--url", "http://192.0.2.1")
    assert (ended.returncode, "TOKEN is not set. Set it to" in ended.stderr) == (2, True)


@pytest.mark.usefixtures("settings")
def test_ctrl_c_is_quiet(service: Service) -> None:
    service.script = [scripted.stays_silent]
    with subprocess.Popen([*COMMAND, "get", ORDER_ID], stderr=subprocess.PIPE) as process:
        eventually(lambda: service.asked)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=30)
    assert (process.returncode, complaint) == (130, b"")


@pytest.mark.usefixtures("settings")
def test_ctrl_c_within_an_upload_says_how_to_go_on(service: Service, tmp_path: Path) -> None:
    (tmp_path / "orders.ndjson").write_text("{}\n{}\n")
    service.script = [scripted.stays_silent]
    command = [*COMMAND, "submit", "orders.ndjson"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        eventually(lambda: service.asked)
        process.send_signal(signal.SIGINT)
        told, complaint = process.communicate(timeout=30)
    assert (process.returncode, told) == (130, "")
    assert complaint.strip() == "Stopped. What was sent is kept: the same command goes on from there."


def test_help_names_them_all_and_needs_no_client() -> None:
    program = "import sys, hardware_orders.cli; print('httpx2' in sys.modules, 'joserfc' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]
    shown = started("--help")
    assert shown.returncode == 0
    for name in ("submit", "get", "list", "replace", "submit-draft", "cancel", "discard", "timeline"):
        assert f" {name} " in shown.stdout


def test_help_tells_the_exit_codes(run: Run) -> None:
    assert "Exit codes: 0 done, 1 refused" in run("submit", "--help").stdout


def test_a_list_is_whole_on_a_narrow_terminal(service: Service, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    internal = {"extendedDetails": {"status": "FULFILMENT_SHIPPED"}}
    service.script = [answers(200, {"items": [order(status="INPROGRESS", internal=internal)], "nextCursor": None})]
    monkeypatch.setattr(tables, "PIPED_COLUMNS", 80)
    shown = run("list").stdout
    assert all(word in shown for word in ("R-1", ORDER_ID, "INPROGRESS", "FULFILMENT_SHIPPED"))
    assert max(map(len, shown.splitlines())) <= 80
