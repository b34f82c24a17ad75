"""Inputs that must be refused, each with the status and the `param` of its refusal. Every one carries a canary."""

import gzip
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.raw_http import Headers, chunked, head, request
from tests.system import CUSTOMER

HARDWARE = "/orders/hardware"
JSON = ("Content-Type", "application/json")
# Stands in every value that is sent, and in none that comes back.
CANARY = "canary7316"
SOMEBODY = {"primaryContact": {"name": {"firstName": CANARY, "lastName": CANARY}}}


def body(**extra: Any) -> bytes:
    """An order that would be taken, but for what `extra` makes of it."""
    return json.dumps({"orderReference": CANARY, "customerEntityUid": CUSTOMER, "poRef": CANARY, **extra}).encode()


def written(text: str) -> bytes:
    """The same with members as they are written, which no encoder would write."""
    return body()[:-1] + b"," + text.encode() + b"}"


def merchant(**extra: Any) -> bytes:
    return body(merchant={**SOMEBODY, **extra})


def device(text: str) -> bytes:
    """An order of one device, of which there are so many."""
    package = {"pois": [{"devicePackage": {"packageBundleId": CANARY, "quantity": "how many"}}]}
    return merchant(**package).replace(b'"how many"', text.encode())


@dataclass(frozen=True)
class Bad:
    """One bad request: POST `/orders/hardware` with a token and a JSON body, but for what it says."""

    name: str
    status: int
    param: str | None = None
    content: bytes | None = field(default_factory=body)
    headers: Headers = (JSON,)
    method: str = "POST"
    path: str = HARDWARE

    def sent(self, token: str) -> bytes:
        authorized = [("Authorization", f"Bearer {token}"), *self.headers]
        return request(self.method, self.path, authorized, self.content)


@dataclass(frozen=True)
class Framed(Bad):
    """One whose framing is its fault: `content` is all that follows the given headers."""

    def sent(self, token: str) -> bytes:
        authorized = [("Authorization", f"Bearer {token}"), *self.headers]
        return head(self.method, self.path, authorized) + (self.content or b"")


def _json(name: str, content: bytes) -> Bad:
    return Bad(name, 400, None, content)


def _field(param: str, name: str, content: bytes) -> Bad:
    return Bad(f"{param} {name}", 400, param, content)


def _header(name: str, value: str, *more: tuple[str, str], status: int = 400) -> Bad:
    return Bad(f"{name}: {value[:20]!r}", status, name, headers=[JSON, (name, value), *more])


def _media(name: str, *headers: tuple[str, str], content: bytes | None = None) -> Bad:
    return Bad(name, 415, headers=headers, content=content or body())


_GOOD = body()
_DEEP = 100_000

UNREADABLE = [
    _json("empty", b""),
    _json("truncated", _GOOD[:-1]),
    _json("trailing garbage", _GOOD + b"x"),
    _json("two values", _GOOD * 2),
    _json("NUL behind", _GOOD + b"\0"),
    *(_json(f"top level {text}", text.encode()) for text in ("[]", "null", f'"{CANARY}"', "1", "true")),
    *(_json(text, written(f'"notes":{text}')) for text in ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "01")),
    _json("number of 5,000 digits", written('"notes":' + "9" * 5_000)),
    *(_json(f"{depth} deep", b"[" * depth + b"]" * depth) for depth in (33, 5_000, _DEEP)),
    _json("100,000 objects deep", b'{"a":' * _DEEP),
    _json("deep within", written('"notes":' + '{"a":[' * 20 + "]}" * 20)),
    _json("member twice", written(f'"poRef":"{CANARY}"')),
    _json("member twice, escaped", written('"po\\u0052ef":"x"')),
    _json("member twice, nested", written('"merchant":{"mcc":"1234","mcc":"1234"}')),
    _json("member twice, in an array", written('"additionalOrderData":[{"variableName":"a","variableName":"a"}]')),
    _json("invalid UTF-8", _GOOD.replace(b"canary", b"canary\xff")),
    _json("surrogates as bytes", _GOOD.replace(b"canary", b"canary\xed\xa0\x80")),
    _json("overlong UTF-8", _GOOD.replace(b"canary", b"canary\xc0\x80")),
    _json("BOM", b"\xef\xbb\xbf" + _GOOD),
    *(_json(encoding, _GOOD.decode().encode(encoding)) for encoding in ("utf-16", "utf-16-le", "utf-32")),
    _json("line feed in a string", written('"notes":"a\nb"')),
    _json("unquoted", b"{orderReference:1}"),
    _json("comment", _GOOD + b"// " + CANARY.encode()),
    _json("form", b"orderReference=" + CANARY.encode()),
]

_INSTANTS: list[Any] = [
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-02-30T00:00:00Z",
    "2026-01-01T00:00:00",
    "2026-01-01",
    "1969-12-31T23:59:59Z",
    "1999-12-31T23:59:59Z",
    "2200-01-01T00:00:00Z",
    "2300-01-01T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:00:60Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01 00:00:00Z",
    "٢٠٢٦-01-01T00:00:00Z",
    "1700000000",
    "",
    0,
    1700000000,
    1e20,
    -1,
    True,
    [],
    {},
]
_NO_TEXTS: list[Any] = [1, 1.5, True, None, [], {}]

VALUES = [
    *(_field("requestedDate", repr(value), body(requestedDate=value)) for value in _INSTANTS),
    *(_field("notes", repr(value), body(notes=value)) for value in _NO_TEXTS),
    *(_field("orderReference", repr(value), body(orderReference=value)) for value in _NO_TEXTS),
    _field("orderReference", "empty", body(orderReference="")),
    _field("orderReference", "too long", body(orderReference=CANARY * 26)),
    _field("orderReference", "NUL", body(orderReference=CANARY + "\0")),
    _field("orderReference", "absent", json.dumps({"customerEntityUid": CUSTOMER}).encode()),
    _field("customerEntityUid", "absent", json.dumps({"orderReference": CANARY}).encode()),
    *(
        _field("customerEntityUid", repr(value), body(customerEntityUid=value))
        for value in ("", CANARY, CUSTOMER.upper(), CUSTOMER + "\n", f"{{{CUSTOMER}}}", CUSTOMER.replace("-", ""), 1)
    ),
    _field("notes", "NUL", body(notes="\0")),
    _field("notes", "lone surrogate", written('"notes":"\\ud800"')),
    _field("notes", "surrogates reversed", written('"notes":"\\udc00\\ud800"')),
    _field("notes", "too long", body(notes="n" * 10_001)),
    _field("poRef", "too long", body(poRef="n" * 256)),
    _field("status", "set by the client", body(status="SUBMITTED")),
    _field("orderId", "set by the client", body(orderId=str(uuid.UUID(int=1)))),
    _field("createdBy", "set by the client", body(createdBy=CANARY)),
    _field("nonsense", "unknown", body(nonsense=CANARY)),
    _field("__proto__", "unknown", body(__proto__={"canary": CANARY})),
    _field("order_reference", "the Python name", body(order_reference=CANARY)),
    _field("OrderReference", "another case", body(OrderReference=CANARY)),
    Bad("unknown name without characters", 400, '""', written('"":1')),
    Bad("unknown name that turns the text", 400, "a?b", written('"a\u202eb":1')),
    Bad("unknown name that is long", 400, "n" * 64, body(**{"n" * 100: CANARY})),
    _field("merchant.nonsense", "unknown", merchant(nonsense=CANARY)),
    _field("merchant.primaryContact", "absent", body(merchant={"merchantName": CANARY})),
    _field("merchant.primaryContact.name.lastName", "absent", merchant(primaryContact={"name": {"firstName": CANARY}})),
    *(
        _field("merchant.merchantName", repr(name), merchant(merchantName=name))
        for name in ("", " ", "\t\u00a0\u3000", "n" * 101, "\0")
    ),
    *(
        _field("merchant.merchantName", ascii(character), merchant(merchantName=f"Corner{character}Café"))
        for character in ("\x01", "\n", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\u202a")
    ),
    _field(
        "merchant.primaryContact.name.firstName",
        "that turns the text",
        merchant(primaryContact={"name": {"firstName": "Ada\u202e", "lastName": CANARY}}),
    ),
    *(_field("merchant.mcc", repr(mcc), merchant(mcc=mcc)) for mcc in ("12a4", "123", "12345", "١٢٣٤", 5812)),
    *(
        _field("merchant.pois[0].devicePackage.quantity", text[:20], device(text))
        for text in ("-1", "0", "-0", "1.0", "1.5", "1e3", '"1"', "true", "100001", str(2**31), str(2**63), "9" * 4_000)
    ),
    _field(
        "packageDetails.basePackageBundle.price",
        "negative exponent",
        body(packageDetails={"basePackageBundle": {"packageBundleId": "a", "price": "1e-3"}}),
    ),
    _field("merchant.openingHours", "empty", merchant(openingHours=[])),
    _field("merchant.pois", "1,001", merchant(pois=[{}] * 1_001)),
    _field("additionalOrderData", "101", body(additionalOrderData=[{}] * 101)),
    _field("additionalOrderData", "100,000", body(additionalOrderData=[{}] * 100_000)),
    _field("additionalOrderData", "an object", body(additionalOrderData={"0": CANARY})),
    _field(
        "packageDetails.servicePackages",
        "101",
        body(
            packageDetails={
                "basePackageBundle": {"packageBundleId": "a"},
                "servicePackages": [{"packageBundleId": "a"}] * 101,
            }
        ),
    ),
    Bad("30,000 unknown members", 400, None, body(**{f"canary{number}": CANARY for number in range(30_000)})),
    _field("packageDetails", "null", body(packageDetails=None)),
    _field("paymentDetails.paymentType", "unknown", body(paymentDetails={"paymentType": CANARY})),
    _field("paymentDetails.paymentType", "another case", body(paymentDetails={"paymentType": "account"})),
]

HEADERS = [
    *(
        _header(name, value)
        for name in ("saveDraft", "X-Use-Simplified-Order-Flow")
        for value in ("maybe", "", "1", "TRUE", "true, true")
    ),
    *(_header(name, "true", (name, "false")) for name in ("saveDraft", "X-Use-Simplified-Order-Flow")),
    _header("saveDraft", "true", ("savedraft", "true")),
    *(_header("Idempotency-Key", value) for value in ("", "k" * 256, "a b", "é", "a\tb")),
    _header("Idempotency-Key", "a", ("Idempotency-Key", "a")),
    Framed(
        "gzip in the transfer", 400, "Transfer-Encoding", chunked(_GOOD), [JSON, ("Transfer-Encoding", "gzip, chunked")]
    ),
    Bad("media type twice", 400, "Content-Type", headers=[JSON, JSON]),
    _media("no media type"),
    *(
        _media(kind, ("Content-Type", kind))
        for kind in (
            "",
            "text/plain",
            "text/json",
            "application/xml",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonx",
            "application/json-patch+json",
            "application/json; charset=utf-16",
            "application/json; charset=latin1",
            "*/*",
        )
    ),
    _media("gzip", JSON, ("Content-Encoding", "gzip"), content=gzip.compress(_GOOD)),
    _media("gzip that is none", JSON, ("Content-Encoding", "gzip")),
    _media("two codings", JSON, ("Content-Encoding", "identity, br")),
    Bad("10 MB of notes", 413, content=body(notes="n" * 10**7)),
    Bad("one byte too many", 413, content=_GOOD + b" " * (4 * 2**20 + 1 - len(_GOOD))),
    Framed("8 MiB in chunks", 413, None, chunked(*[b" " * 2**16] * 128), [JSON, ("Transfer-Encoding", "chunked")]),
    Framed("a length of 1 TB", 413, None, _GOOD, [JSON, ("Content-Length", str(10**12))]),
    Bad("200 headers", 431, headers=[JSON, *((f"X-{number}", CANARY) for number in range(200))]),
    Bad("a header of 100 kB", 431, headers=[JSON, ("X-Long", CANARY * 10_000)]),
    Bad("a query of 100 kB", 431, path=f"{HARDWARE}?{CANARY * 10_000}"),
    Bad("a path of 100 kB", 431, path="/" + "p" * 100_000),
]

_CHUNKED = ("Transfer-Encoding", "chunked")


def _framed(name: str, *headers: tuple[str, str], content: bytes = _GOOD) -> Framed:
    return Framed(name, 400, None, content, [JSON, *headers])


FRAMING = [
    _framed("two lengths", ("Content-Length", "5"), ("Content-Length", "6")),
    _framed("one length twice", *[("Content-Length", str(len(_GOOD)))] * 2),
    _framed("a list of lengths", ("Content-Length", "5, 5")),
    *(
        _framed(f"a length of {text!r}", ("Content-Length", text))
        for text in ("-1", "+5", "5 5", "0x5", "5.0", "9" * 30)
    ),
    _framed("length and chunks", _CHUNKED, ("Content-Length", "6"), content=chunked(_GOOD)),
    _framed("chunks not last", ("Transfer-Encoding", "chunked, gzip"), content=chunked(_GOOD)),
    _framed("a chunk of no number", _CHUNKED, content=b"zz\r\n"),
    _framed("a chunk of a negative number", _CHUNKED, content=b"-1\r\n"),
    _framed("a chunk beyond 64 bits", _CHUNKED, content=b"f" * 20 + b"\r\n"),
    _framed("a chunk longer than it says", _CHUNKED, content=b"1\r\nabc\r\n"),
    *(_framed(f"a header with {end!a}", ("X-Odd", f"a{end}b")) for end in ("\r", "\n", "\0", "\r\n ")),
    _framed("a blank before the colon", ("X-Odd ", "a")),
    _framed("a name of two words", ("X Odd", "a")),
    _framed("a name of no ASCII", ("X-é", "a")),
    _framed("a second host", ("Host", "there")),
    Framed("an unknown method", 400, method="BREW"),
    Framed("a method in lower case", 400, method="post"),
    Framed("a path of no ASCII", 400, path="/orders/é"),
    Framed("a path with a blank", 400, path="/orders/a b"),
]


def _route(status: int, method: str, path: str, param: str | None = None, content: bytes | None = None) -> Bad:
    return Bad(f"{method} {path}", status, param, content, [JSON], method, path)


_NOBODYS = "0000abcd-0000-4000-8000-00000000abcd"

ROUTES = [
    *(_route(405, method, HARDWARE) for method in ("GET", "DELETE", "PATCH", "PUT", "OPTIONS", "TRACE", "CONNECT")),
    _route(405, "DELETE", "/healthz"),
    _route(405, "POST", f"{HARDWARE}%0a", content=_GOOD),
    _route(405, "POST", f"/orders/{_NOBODYS}", content=_GOOD),
    *(
        _route(404, "POST", path, content=_GOOD)
        for path in (
            f"{HARDWARE}/",
            f"/{HARDWARE}",
            "/orders//hardware",
            "/orders/./hardware",
            "/ORDERS/hardware",
            "/..",
        )
    ),
    *(
        _route(400, "GET", f"/orders/{path_id}", "orderId")
        for path_id in (
            "1",
            _NOBODYS.upper(),
            f"%7b{_NOBODYS}%7d",
            f"{_NOBODYS}%00",
            f"{_NOBODYS}%0a",
            "%ff",
            "%zz",
            "'",
        )
    ),
    _route(400, "PUT", f"{HARDWARE}/nonsense", "orderId", _GOOD),
    _route(404, "GET", f"/orders/{_NOBODYS}"),
    _route(404, "PUT", f"{HARDWARE}/{_NOBODYS}", content=_GOOD),
    _route(404, "POST", f"/orders/drafts/{_NOBODYS}"),
    *(
        _route(400, "GET", f"/orders/{_NOBODYS}/events?{query}", query.partition("=")[0])
        for query in (
            "after=-1",
            "after=x",
            "after=1&after=2",
            "after=" + "9" * 30,
            "limit=0",
            "limit=501",
            "limit=%00",
        )
    ),
    _route(400, "POST", f"/orders/{_NOBODYS}/cancel", "cancelReasonEnum", b"{}"),
    _route(
        400,
        "POST",
        f"/orders/{_NOBODYS}/cancel",
        "cancelReasonEnum",
        b'{"cancelReasonEnum":"%s"}' % CANARY.encode(),
    ),
]

ALL = [*UNREADABLE, *VALUES, *HEADERS, *FRAMING, *ROUTES]
