"""Who is asking: good tokens, every kind of bad one, and what is remembered of them."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey
from starlette.requests import Request

from hardware_orders.actor import Actor
from hardware_orders.api import authentication, local_key
from hardware_orders.api.authentication import (
    CREDENTIALS_MOST_CHARACTERS,
    REMEMBERED_CREDENTIALS,
    REMEMBERED_SECONDS,
    Authenticator,
    Principal,
    Role,
)
from hardware_orders.api.problems import Problem
from hardware_orders.api.tokens import LEEWAY_SECONDS, TEXT_MOST_CHARACTERS, Tokens
from tests.api.issuer_sign_in import ABSENT, Clock, FromNow, base64url
from tests.api.requests import a_request

KEY = OKPKey.generate_key("Ed25519")
CUSTOMER = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


def claims(**changed: Any) -> dict[str, Any]:
    """Good ones but for what is changed; FromNow is counted from the making, long after the collection."""
    now = int(time.time())
    good = {
        "iss": local_key.ISSUER,
        "aud": local_key.AUDIENCE,
        "sub": "u-ada",
        "name": "Ada",
        "entity_id": [CUSTOMER],
        "roles": ["orders:write"],
        "iat": now,
        "exp": now + 600,
    }
    later = {name: now + value.seconds for name, value in changed.items() if isinstance(value, FromNow)}
    return {name: value for name, value in (good | changed | later).items() if value is not ABSENT}


def token(*, typ: str = "at+jwt", key: OKPKey = KEY, **changed: Any) -> str:
    header = {"alg": local_key.ALGORITHM, "typ": typ}
    return jwt.encode(header, claims(**changed), key, algorithms=[local_key.ALGORITHM])


def an_authenticator(clock: Callable[[], float] = time.monotonic) -> Authenticator:
    return Authenticator(Tokens([local_key.trusted(KEY)]), lambda _text: None, clock)


def principal(credentials: str, *roles: Role, authenticator: Authenticator | None = None) -> Principal:
    request = a_request(("Authorization", credentials))
    asked = authenticator or an_authenticator()
    asyncio.run(asked.identify(request))
    return asked.principal(request, *(roles or (Role.ORDERS_WRITE,)))


def status_of(credentials: str, *roles: Role, authenticator: Authenticator | None = None) -> int:
    with pytest.raises(Problem) as refused:
        principal(credentials, *roles, authenticator=authenticator)
    return refused.value.status


# Good ones


def test_a_good_token() -> None:
    expected = Principal(Actor("u-ada", "Ada"), frozenset([CUSTOMER]), frozenset(["orders:write"]))
    assert principal(f"Bearer {token()}") == expected
    assert principal(f"bearer   {token()} ") == expected


def test_what_is_issued_here_is_good_here() -> None:
    issued = local_key.issue(KEY, sub="u-bob", name="Bob", entities=["*"], roles=["admin", "fulfilment"], seconds=60)
    bob = principal(f"Bearer {issued}", Role.ADMIN)
    assert bob == Principal(Actor("u-bob", "Bob"), None, frozenset(["admin", "fulfilment"]))


@pytest.mark.parametrize(
    ("entity_id", "entities"),
    [(CUSTOMER, {CUSTOMER}), ([CUSTOMER, "other"], {CUSTOMER, "other"}), ("*", None), (["*"], None), ([], set())],
)
def test_the_customers_a_token_is_for(entity_id: Any, entities: set[str] | None) -> None:
    found = principal(f"Bearer {token(entity_id=entity_id)}")
    assert found.entities == entities
    assert found.may_act_for(CUSTOMER) is (entities is None or CUSTOMER in entities)
    assert found.may_act_for("*") is (entities is None)


def test_a_token_without_a_name_shows_its_subject() -> None:
    assert principal(f"Bearer {token(name=ABSENT)}").actor == Actor("u-ada", "u-ada")


@pytest.mark.parametrize("changed", [{"aud": ["other", local_key.AUDIENCE]}, {"iat": ABSENT}, {"exp": FromNow(-1.5)}])
def test_what_may_differ(changed: dict[str, Any]) -> None:
    assert principal(f"Bearer {token(**changed)}").actor.uid == "u-ada"


# Bad ones


@pytest.mark.parametrize("credentials", ["", "Bearer", "Bearer ", "Bearer   ", "Basic dTpw", "Token x", "Bearer\tx"])
def test_no_token(credentials: str) -> None:
    assert status_of(credentials) == 401


def test_no_header() -> None:
    authenticator, request = an_authenticator(), a_request()
    asyncio.run(authenticator.identify(request))
    with pytest.raises(Problem) as refused:
        authenticator.principal(request, Role.ADMIN)
    assert (refused.value.status, refused.value.headers) == (401, {})


@pytest.mark.parametrize(
    "changed",
    [
        *({name: ABSENT} for name in ("iss", "aud", "sub", "exp", "entity_id", "roles")),
        *({name: None} for name in ("iss", "aud", "sub", "exp", "entity_id", "roles")),
        {"exp": 0},
        {"exp": FromNow(-LEEWAY_SECONDS - 1)},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": [9999999999]},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": 10**400},
        {"iat": FromNow(LEEWAY_SECONDS + 60)},
        {"nbf": FromNow(LEEWAY_SECONDS + 60)},
        {"nbf": "tomorrow"},
        {"iss": "other"},
        {"iss": [local_key.ISSUER]},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": []},
        {"sub": ""},
        {"sub": 1},
        {"sub": ["u-ada"]},
        {"name": 1},
        {"name": ["Ada"]},
        {"roles": "orders:write"},
        {"roles": {"orders:write": True}},
        {"roles": ["orders:write", 1]},
        {"roles": [["orders:write"]]},
        {"roles": 1},
        {"entity_id": {"*": True}},
        {"entity_id": {CUSTOMER: True}},
        {"entity_id": [1]},
        {"entity_id": [["*"]]},
        {"entity_id": 1},
        {"entity_id": True},
    ],
    ids=str,
)
def test_bad_claims(changed: dict[str, Any]) -> None:
    assert status_of(f"Bearer {token(**changed)}") == 401


@pytest.mark.parametrize("text", ["a\x00", "\ud800", "a\udfff"])
@pytest.mark.parametrize("claim", ["sub", "name"])
def test_a_subject_or_name_that_nobody_can_store(claim: str, text: str) -> None:
    payload = json.dumps(claims(**{claim: text})).encode()
    signing = f"{base64url(json.dumps({'alg': local_key.ALGORITHM, 'typ': 'at+jwt'}).encode())}.{base64url(payload)}"
    signature = KEY.private_key.sign(signing.encode())  # type: ignore[union-attr]
    assert status_of(f"Bearer {signing}.{base64url(signature)}") == 401


@pytest.mark.parametrize("typ", ["at+JWT", "application/at+jwt"])
def test_another_spelling_of_access_token(typ: str) -> None:
    assert principal(f"Bearer {token(typ=typ)}").actor.uid == "u-ada"


@pytest.mark.parametrize("typ", ["JWT", "id+jwt", "", "at+jwt2"])
def test_another_kind_of_token(typ: str) -> None:
    assert status_of(f"Bearer {token(typ=typ)}") == 401


def test_a_token_of_another_key() -> None:
    assert status_of(f"Bearer {token(key=OKPKey.generate_key('Ed25519'))}") == 401


def test_a_token_without_a_signature() -> None:
    _, payload, signature = token().split(".")
    unsigned = base64url(b'{"alg":"none","typ":"at+jwt"}')
    for credentials in (f"{unsigned}.{payload}.", f"{unsigned}.{payload}.{signature}", f"{unsigned}.{payload}"):
        assert status_of(f"Bearer {credentials}") == 401


@pytest.mark.parametrize("form", ["pem", "jwk", "raw"])
def test_a_token_signed_with_the_public_key_as_a_secret(form: str) -> None:
    public = KEY.as_dict(private=False)
    secret = {
        "pem": KEY.as_pem(private=False),
        "jwk": json.dumps(public).encode(),
        "raw": base64.urlsafe_b64decode(f"{public['x']}="),
    }[form]
    header = base64url(b'{"alg":"HS256","typ":"at+jwt"}')
    signing = f"{header}.{token().split('.')[1]}"
    signature = hmac.new(secret, signing.encode(), hashlib.sha256).digest()
    assert status_of(f"Bearer {signing}.{base64url(signature)}") == 401


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_altered_anywhere(part: int) -> None:
    parts = token().split(".")
    middle = len(parts[part]) // 2
    other = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + other + parts[part][middle + 1 :]
    assert status_of(f"Bearer {'.'.join(parts)}") == 401


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"{}",
        b"{",
        b"\xff",
        b"[" * 5_000,
        b"9" * 5_000,
        b'{"alg":null}',
        b'{"alg":[]}',
        b'{"alg":{}}',
        b'{"alg":"Ed25519","crit":["exp"],"exp":1}',
        b'{"alg":"Ed25519","b64":false,"crit":["b64"]}',
        b'{"alg":"Ed25519","jwk":{"kty":"OKP"},"typ":"at+jwt"}',
        b'{"alg":"Ed25519","kid":{},"typ":"at+jwt"}',
        b'{"alg":"Ed25519","typ":[]}',
        b'{"alg":"dir","enc":"A128GCM"}',
    ],
    ids=lambda header: header[:40].decode("latin-1"),
)
def test_a_header_of_any_shape(header: bytes) -> None:
    _, payload, signature = token().split(".")
    assert status_of(f"Bearer {base64url(header)}.{payload}.{signature}") == 401


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"null",
        b'"iss"',
        b"{}",
        b'{"iss":[]}',
        b'{"iss":{}}',
        b'{"iss":null}',
        b"[" * 5_000,
        b"9" * 5_000,
        b"\xff",
    ],
    ids=lambda payload: payload[:10].decode("latin-1"),
)
def test_a_payload_of_any_shape(payload: bytes) -> None:
    header, _, signature = token().split(".")
    assert status_of(f"Bearer {header}.{base64url(payload)}.{signature}") == 401


@pytest.mark.parametrize(
    "text", ["a", ".", "..", "a.b", "a.b.c", "a.b.c.d.e", "é.é.é", "....", "\x7f", "a b c", "=.=.="]
)
def test_what_is_no_token_at_all(text: str) -> None:
    assert status_of(f"Bearer {text}") == 401


def test_a_token_longer_than_any_honest_one() -> None:
    credentials = f"Bearer {token(roles=['orders:write'] * CREDENTIALS_MOST_CHARACTERS)}"
    assert status_of(credentials) == 401
    assert principal(f"Bearer {token(roles=['orders:write'] * 300)}").actor.uid == "u-ada"


@pytest.mark.parametrize("claim", ["sub", "name"])
def test_a_subject_or_name_longer_than_any_honest_one(claim: str) -> None:
    changed: dict[str, Any] = {claim: "x" * TEXT_MOST_CHARACTERS}
    assert principal(f"Bearer {token(**changed)}")
    changed[claim] += "x"
    assert status_of(f"Bearer {token(**changed)}") == 401


# Roles


def test_one_of_the_roles_is_enough_and_none_is_403() -> None:
    read = f"Bearer {token(roles=['orders:read', 'unknown'])}"
    assert principal(read, Role.ORDERS_WRITE, Role.ORDERS_READ).actor.uid == "u-ada"
    with pytest.raises(Problem, match="orders:write or admin") as refused:
        principal(read, Role.ORDERS_WRITE, Role.ADMIN)
    assert refused.value.status == 403
    assert status_of(f"Bearer {token(roles=[])}") == 403


# API keys; their life is told in test_roles.py


def test_made_up_keys_take_a_few_threads_and_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "KEY_LOOKUP_TURN_SECONDS", 0.05)
    looked_up: list[str] = []
    gate = threading.Event()

    def find(text: str) -> None:
        looked_up.append(text)
        gate.wait(20)

    async def scenario() -> None:
        authenticator = Authenticator(Tokens([]), find)
        requests = [a_request(("Authorization", f"Bearer {made_up_key(number)}")) for number in range(100)]
        callers = [asyncio.create_task(authenticator.identify(request)) for request in requests]
        await asyncio.wait(callers[authentication.KEY_LOOKUPS_AT_ONCE :])
        assert len(looked_up) == authentication.KEY_LOOKUPS_AT_ONCE
        gate.set()
        await asyncio.wait(callers)
        statuses = [_status(authenticator, request) for request in requests]
        assert (statuses.count(401), statuses.count(503)) == (4, 96)
        assert not authenticator._remembered
        await authenticator.identify(requests[0])  # the turns were given back
        assert _status(authenticator, requests[0]) == 401

    asyncio.run(scenario())


def made_up_key(number: int) -> str:
    return f"hw_00000000-0000-4000-8000-{number:012}_{'x' * 43}"


def _status(authenticator: Authenticator, request: Request) -> int:
    with pytest.raises(Problem) as refused:
        authenticator.principal(request, Role.ADMIN)
    return refused.value.status


# What is remembered


def test_a_remembered_token_is_still_asked_for_its_role() -> None:
    authenticator = an_authenticator()
    credentials = f"Bearer {token()}"
    principal(credentials, authenticator=authenticator)
    assert status_of(credentials, Role.ADMIN, authenticator=authenticator) == 403


def test_a_verified_token_costs_no_second_signature_check_for_a_while() -> None:
    checks = []

    async def key(_name: object) -> OKPKey:
        checks.append(1)
        return KEY

    clock = Clock()
    issuer = replace(local_key.trusted(KEY), key=key)
    authenticator = Authenticator(Tokens([issuer]), lambda _text: None, clock)
    credentials = f"Bearer {token()}"
    for seconds, expected in ((0, 1), (0, 1), (REMEMBERED_SECONDS - 1, 1), (1, 2), (0, 2)):
        clock.seconds += seconds
        principal(credentials, authenticator=authenticator)
        assert len(checks) == expected


def test_a_token_that_expires_sooner_is_remembered_for_less() -> None:
    clock = Clock()
    authenticator = an_authenticator(clock)
    credentials = f"Bearer {token(exp=int(time.time()) - LEEWAY_SECONDS + 30)}"
    principal(credentials, authenticator=authenticator)
    ((_, until),) = authenticator._remembered.values()
    assert 0 < until - clock.seconds <= 30


def test_a_refused_token_is_not_remembered() -> None:
    authenticator = an_authenticator()
    status_of(f"Bearer {token(iss='other')}", authenticator=authenticator)
    status_of(f"Bearer {made_up_key(1)}", authenticator=authenticator)
    assert not authenticator._remembered


def test_no_more_is_remembered_than_the_bound() -> None:
    authenticator = an_authenticator()
    ada = principal(f"Bearer {token()}", authenticator=authenticator)
    authenticator._remembered.update({str(number): (ada, 1e12) for number in range(REMEMBERED_CREDENTIALS)})
    principal(f"Bearer {token(sub='u-bob')}", authenticator=authenticator)
    assert len(authenticator._remembered) <= REMEMBERED_CREDENTIALS
