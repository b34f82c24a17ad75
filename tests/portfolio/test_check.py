"""`hardware-orders portfolio check`: every mistake with its line, in YAML and in JSON, and what is hardly meant."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hardware_orders import cli, samples
from hardware_orders.portfolio.check import Report, check
from hardware_orders.portfolio.document import read_document
from hardware_orders.portfolio.places import Place

UID, OTHER_UID = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
CUSTOMER = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
HEAD = f"portfolioUid: {UID}, version: 1, name: Bakery, customerEntityUid: {CUSTOMER}, isDefault: true"

WRONG = f"""portfolios:
  - portfolioUid: {UID}
    version: "7"
    nmae: Berlin
    customerEntityUid: {CUSTOMER}
    isDefault: true
    requestedDate: {{leadTimeDays: 5, cutOff: 25:00, timeZone: Europe}}
    defaults:
      notes: 5
      merchant:
        pois:
          - devicePackage: {{quantity: 0, colour: red}}
      packageDetails: {{portfolioUid: {UID}}}
    overrides:
      - when: {{merchant.companyAddress.country: BE, poref: x}}
        defaults: {{}}
      - when: {{}}
        defaults: {{notes: [1]}}
    copies:
      merchant.shippingAddress: merchant.companyAdress
      poRef: notes
    required:
      fields: [poRef, mercant]
      additionalOrderData:
        FR: [VAT_ID, "a b"]
  - portfolioUid: {UID}
    version: 1
    name: Hamburg
    customerEntityUid: {CUSTOMER}
    isDefault: true
  - 1
extra: 2
"""
FOUND = [
    (2, 5, "portfolio 1, name: is required."),
    (3, 5, "portfolio 1, version: must be a whole number, without quotes."),
    (4, 5, "portfolio 1, nmae: is not a member"),
    (7, 38, "portfolio 1, requestedDate.cutOff: must be a time of day as HH:MM, such as 15:00."),
    (7, 53, "portfolio 1, requestedDate.timeZone: is not a time zone known here; use an IANA name"),
    (9, 7, "portfolio 1, defaults: notes must be a string."),
    (12, 29, "portfolio 1, defaults: merchant.pois[0].devicePackage.quantity must be at least 1."),
    (12, 42, "portfolio 1, defaults: merchant.pois[0].devicePackage.colour is not a field"),
    (13, 24, "portfolio 1, defaults: packageDetails.portfolioUid must be left out"),
    (15, 16, "portfolio 1, overrides[0].when: merchant.companyAddress.country must be a country"),
    (15, 53, "portfolio 1, overrides[0].when: poref is not a field of this object"),
    (17, 9, "portfolio 1, overrides[1].when: must name at least one field."),
    (18, 20, "portfolio 1, overrides[1].defaults: notes must be a string."),
    (20, 7, "portfolio 1, copies: 'merchant.companyAdress' is not a field of an order"),
    (21, 7, "portfolio 1, copies: poRef cannot be a copy of notes"),
    (23, 23, "portfolio 1, required.fields: 'mercant' is not a field of an order"),
    (25, 9, "portfolio 1, required.additionalOrderData.FR: must be a country"),
    (25, 22, "portfolio 1, required.additionalOrderData.FR[1]: must hold only letters A-Z and a-z"),
    (26, 5, f"as a whole: portfolioUid {UID} is there twice; give every portfolio its own."),
    (30, 5, f"as a whole: customer {CUSTOMER} has two default portfolios; set isDefault on one of them only."),
    (31, 5, "portfolio 3, as a whole: must be an object."),
    (32, 1, "extra: is not a member"),
]


def of_yaml(text: str) -> Report:
    return check(text.encode(), is_json=False)


def entry(**members: Any) -> Any:
    least = {"portfolioUid": UID, "version": 1, "name": "Bakery", "customerEntityUid": CUSTOMER, "isDefault": True}
    return least | members


def of_json(*entries: Any) -> Report:
    return check(json.dumps({"portfolios": entries}, indent=1).encode(), is_json=True)


def told(report: Report) -> list[tuple[int, int, str]]:
    return [(finding.place.line, finding.place.column, finding.sentence) for finding in report.findings]


def test_every_mistake_is_told_with_its_place() -> None:
    found = told(of_yaml(WRONG))
    assert [(line, column) for line, column, _ in found] == [(line, column) for line, column, _ in FOUND]
    for (_, _, sentence), (_, _, start) in zip(found, FOUND, strict=True):
        assert sentence.startswith(start)


def test_the_same_in_json_is_the_same_in_other_places(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(WRONG)
    text = json.dumps(read_document(path), indent="\t")
    report = check(text.encode(), is_json=True)
    assert sorted(finding.sentence for finding in report.findings) == sorted(s for _, _, s in told(of_yaml(WRONG)))
    lines = text.splitlines()
    for finding in report.findings:
        at = lines[finding.place.line - 1][finding.place.column - 1 :]
        assert at.startswith(('"', "{", "1")), finding
        member = finding.sentence.split(":")[0].split(", ")[-1].split(".")[-1]
        if member in ("version", "nmae", "cutOff", "timeZone", "extra"):
            assert at.startswith(f'"{member}"'), finding


def test_a_customer_without_a_default_is_found() -> None:
    others = [entry(isDefault=False), entry(isDefault=False, portfolioUid=OTHER_UID)]
    [(line, _, sentence)] = told(of_json(*others))
    assert (line, sentence) == (
        8,
        f"as a whole: customer {CUSTOMER} has no default portfolio; set isDefault on one of them.",
    )
    assert "default portfolio" not in str(told(of_json(*others, 1)))  # the third may be it


@pytest.mark.parametrize(
    ("content", "is_json", "line", "column", "sentence"),
    [
        (b"portfolios:\n  - a: [1\n  - b: 2\n", False, 3, 6, "this is not YAML: "),
        (b"portfolios: []\n---\nportfolios: []\n", False, 2, 1, "this is not YAML: but found another document"),
        (b"portfolios: []\nname: \x07", False, 2, 7, "this is not YAML: special characters are not allowed."),
        (b"a: !!python/name:os.system x", False, 1, 4, "this is not YAML: could not determine a constructor"),
        (b'{"portfolios": [\n  {"a" 1}\n]}', True, 2, 8, "this is not JSON: "),
        (b'{"portfolios": NaN}', True, 1, 1, "NaN is not JSON; "),
        ("é: 1\né: ".encode() + b"\xff", False, 2, 4, "this is not UTF-8; save the file in UTF-8."),
        (b"[" * 100_000, False, 1, 1, "it nests deeper than any portfolio does."),
        (b"[" * 100_000, True, 1, 1, "it nests deeper than any portfolio does."),
        (b"", False, 1, 1, "as a whole: must be an object."),
        (
            b"a: 1\nb: 1\na: 2\nb: 3\n",
            False,
            3,
            1,
            "a stands twice in one object, first in line 1; remove one of them.",
        ),
        (
            b'{"portfolios": 1,\n "portfolios": []}',
            True,
            2,
            2,
            "portfolios stands twice in one object, first in line 1",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(
    content: bytes, *, is_json: bool, line: int, column: int, sentence: str
) -> None:
    first = told(check(content, is_json=is_json))[0]
    assert first[:2] == (line, column)
    assert first[2].startswith(sentence)


def test_members_merged_into_a_portfolio_are_found_where_they_are_written() -> None:
    merged = f"portfolios:\n  - &one {{{HEAD}}}\n  - <<: *one\n    isDefault: no\n    portfolioUid: 1\n"
    assert told(of_yaml(merged)) == [
        (4, 5, "portfolio 2 (Bakery), isDefault: must be true or false, without quotes."),
        (5, 5, "portfolio 2 (Bakery), portfolioUid: must be text; put it in quotes."),
    ]
    [(line, column, _)] = told(of_yaml(f"portfolios:\n  - &one {{{HEAD}}}\n  - <<: *one\n"))[:1]
    assert (line, column) == (2, 11)


@pytest.mark.parametrize("content", [b"a: 1\nc: {b: 1, b: 2}\n", b'{"a": 1, "c": {"b": 1, "b": 2}}'])
def test_no_reader_takes_one_of_two_members_of_the_same_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ("p.json" if content.startswith(b"{") else "p.yaml")
    path.write_bytes(content)
    with pytest.raises(ValueError, match="b stands twice in one object"):
        read_document(path)


def test_an_anchor_used_before_its_own_turn_repeats_nothing(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("zero: &zero {a: 0}\nx: {one: &one {<<: *zero, a: 1}}\ntwo: {<<: *one, a: 2}\n")
    assert read_document(path) == {"zero": {"a": 0}, "x": {"one": {"a": 1}}, "two": {"a": 2}}


BELGIUM = {"merchant.companyAddress.country": "BEL"}
CARD = {"paymentDetails": {"paymentType": "CREDIT"}}
WARNED: list[tuple[dict[str, Any], str]] = [
    ({"overrides": [{"when": BELGIUM, "defaults": {}}]}, "overrides[0].defaults: is empty"),
    (
        {"overrides": [{"when": BELGIUM, "defaults": CARD}, {"when": {**BELGIUM, "poRef": "1"}, "defaults": CARD}]},
        "overrides[1]: gives nothing, because override 1 applies wherever it does",
    ),
    (
        {
            "defaults": {"requestedDate": "2026-12-01T00:00:00Z"},
            "requestedDate": {"leadTimeDays": 1, "timeZone": "UTC"},
        },
        "requestedDate: no date is ever computed",
    ),
    ({"defaults": {"poRef": "1"}, "copies": {"poRef": "orderReference"}}, "copies.poRef: is never copied"),
    ({"defaults": {"poRef": "1"}, "required": {"fields": ["poRef"]}}, "required.fields[0]: poRef is never missing"),
    (
        {"requestedDate": {"leadTimeDays": 1, "timeZone": "UTC"}, "required": {"fields": ["requestedDate"]}},
        "required.fields[0]: requestedDate is never missing",
    ),
]


@pytest.mark.parametrize(("members", "sentence"), WARNED)
def test_what_is_hardly_meant_is_a_warning(members: dict[str, Any], sentence: str) -> None:
    report = of_json(entry(**members))
    [finding] = report.findings
    assert finding.sentence.startswith(f"portfolio 1 (Bakery), {sentence}")
    assert finding.place > Place(8, 1)
    assert (finding.is_warning, report.mistakes, report.portfolios) == (True, 0, 1)


@pytest.mark.parametrize(
    "members",
    [
        {"overrides": [{"when": {**BELGIUM, "poRef": "1"}, "defaults": CARD}, {"when": BELGIUM, "defaults": CARD}]},
        {"overrides": [{"when": BELGIUM, "defaults": CARD}, {"when": BELGIUM, "defaults": {**CARD, "notes": "x"}}]},
        # An object that is there in part is completed by its copy.
        {
            "defaults": {"merchant": {"billingAddress": {"country": "BEL"}}},
            "copies": {"merchant.billingAddress": "merchant.companyAddress"},
        },
    ],
)
def test_what_may_be_meant_is_none(members: dict[str, Any]) -> None:
    assert of_json(entry(**members)).findings == ()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*words: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hardware-orders", "portfolio", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return run


def test_the_samples_have_neither_mistakes_nor_warnings(run: Run) -> None:
    told = "5 portfolios of 4 customers, no mistakes\n"
    assert run("check", str(samples.portfolios_path())) == (0, told, "")
    assert run("check", str(samples.portfolios_path()), "--json") == (0, "[]\n", "")


def test_mistakes_end_the_command_with_1(run: Run) -> None:
    Path("p.yaml").write_text(
        f"portfolios:\n- {{{HEAD}, version: 2}}\n- {{{HEAD}, name: \x1b}}\n".replace("\x1b", '"\\e"')
    )
    code, shown, _ = run("check", "p.yaml")
    assert (code, shown.splitlines()[-1]) == (1, "2 mistakes")
    assert shown.startswith(
        f"p.yaml:2:{len(HEAD) + 6}: version stands twice in one object, first in line 2; remove one of them.\n"
    )
    Path("p.json").write_text(json.dumps({"portfolios": [entry(name=5), entry(name="\x1b[2J", version=-1)]}))
    code, shown, _ = run("check", "p.json")
    assert (code, "\x1b" in shown, "portfolio 1, name: must be text; put it in quotes." in shown) == (1, False, True)
    code, shown, _ = run(
        "check", "-", "--json", stdin=json.dumps({"portfolios": [entry(name=5)]}, indent="\t").encode()
    )
    message = "portfolio 1, name: must be text; put it in quotes."
    assert (code, json.loads(shown)) == (1, [{"line": 6, "column": 4, "severity": "mistake", "message": message}])


def test_warnings_do_not(run: Run) -> None:
    text = f"portfolios:\n- {{{HEAD}, defaults: {{poRef: a}}, required: {{fields: [poRef]}}}}\n"
    code, shown, _ = run("check", "-", stdin=text.encode())
    assert (code, shown.splitlines()[-1]) == (0, "1 portfolio of 1 customer, no mistakes, 1 warning")
    assert shown.startswith(
        f"-:2:{text.index('poRef]') - text.index('- {') + 1}: warning: portfolio 1 (Bakery), required.fields[0]: poRef is never missing, "
    )


@pytest.mark.parametrize("path", ["none.yaml", "."])
def test_a_file_that_cannot_be_read_ends_it_with_2(run: Run, path: str) -> None:
    code, shown, complaint = run("check", path)
    assert (code, shown) == (2, "")
    assert f"{path} cannot be read: " in complaint
