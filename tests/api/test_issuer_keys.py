"""The issuer's keys: which are used, how they come and go, and what becomes of tokens while the issuer is away."""

import asyncio
import gzip
import json
from collections.abc import Callable

import pytest
from joserfc.jwk import RSAKey

from hardware_orders.api import issuer_keys, local_key
from hardware_orders.api.authentication import REMEMBERED_SECONDS, Role
from hardware_orders.api.issuer_keys import KEPT_SECONDS, UNKNOWN_KEY_SECONDS
from tests.api.issuer_sign_in import (
    ABSENT,
    AWAY,
    EC,
    LOCAL,
    PUBLIC,
    REFUSED,
    RSA,
    STRANGER,
    SignIn,
    base64url,
    run,
    token,
    with_header,
)
from tests.api.jwks_server import HELD_SECONDS, JwksServer, jwks_server


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(HELD_SECONDS):
        while not holds():  # noqa: ASYNC110  # it comes about in the server's thread
            await asyncio.sleep(0.01)


def test_keys_for_others_are_passed_over(server: JwksServer) -> None:
    weak = {**PUBLIC, "kid": "weak", "n": base64url(b"\xc3" * 128)}
    server.publish(
        {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"},
        {"kty": "AKP", "kid": "later", "alg": "ML-DSA-44", "pub": "AA"},
        {**PUBLIC, "kid": "encrypts", "use": "enc", "alg": "RSA-OAEP"},
        {**PUBLIC, "kid": 7},
        {**PUBLIC, "kid": "broken", "e": "!"},
        {**EC.as_dict(private=False), "kid": "off the curve", "y": "AA"},
        weak,
        RSA,
    )

    async def scenario(sign_in: SignIn) -> None:
        await sign_in(token())
        assert set(sign_in.keys._keys) == {"rsa"}
        assert await sign_in.refused(token(RSA, "RS256", {"kid": "encrypts"})) == REFUSED

    run(server, scenario)


# Keys come and go


def test_a_token_that_names_no_key_causes_no_fetch(server: JwksServer) -> None:
    async def scenario(sign_in: SignIn) -> None:
        await sign_in(token())
        for name in (ABSENT, None, 7, ["rsa"]):
            header = {"alg": "RS256", "typ": "at+jwt"} | ({} if name is ABSENT else {"kid": name})
            assert await sign_in.refused(with_header(json.dumps(header))) == REFUSED
        assert len(server.asked) == 1

    run(server, scenario)


def test_a_thousand_tokens_of_unknown_keys_cause_one_fetch(server: JwksServer) -> None:
    made_up = [token(STRANGER, "RS256", {"kid": f"made up {number}"}) for number in range(20)]

    async def scenario(sign_in: SignIn) -> None:
        await sign_in(token())
        assert len(server.asked) == 1
        for _ in range(10):
            many = await asyncio.gather(*(sign_in.refused(each) for each in made_up * 5))
            assert many == [REFUSED] * 100
        assert len(server.asked) == 2
        sign_in.clock.seconds += UNKNOWN_KEY_SECONDS
        assert await sign_in.refused(made_up[0]) == REFUSED
        assert len(server.asked) == 3

    run(server, scenario)


def test_callers_before_the_first_answer_wait_for_it_together(server: JwksServer) -> None:
    server.gate.clear()

    async def scenario(sign_in: SignIn) -> None:
        waiting = [asyncio.create_task(sign_in(each)) for each in [token(), token(EC, "ES256")] * 50]
        await until(lambda: bool(server.asked))
        waiting[0].cancel()  # one that hangs up does not end it for the others
        server.gate.set()
        principals = await asyncio.gather(*waiting[1:])
        assert {principal.actor.uid for principal in principals} == {"u-ada"}

    run(server, scenario)
    assert len(server.asked) == 1


def test_a_fetch_holds_up_nobody_whose_key_is_known(server: JwksServer) -> None:
    async def scenario(sign_in: SignIn) -> None:
        await sign_in(token())
        server.gate.clear()
        unknown = asyncio.create_task(sign_in.refused(token(STRANGER)))
        await until(lambda: len(server.asked) == 2)
        await sign_in(token(sub="u-bob"))
        await sign_in(local_key.issue(LOCAL, sub="u-eve", name="Eve", entities=["*"], roles=[*Role], seconds=60))
        assert not unknown.done()
        server.gate.set()
        assert await unknown == REFUSED

    run(server, scenario)


def test_a_new_key_is_taken_at_once_and_a_withdrawn_one_no_longer(server: JwksServer) -> None:
    new = RSAKey.generate_key(2048, {"kid": "new"})
    old_token, new_token = token(), token(new)

    async def scenario(sign_in: SignIn) -> None:
        await sign_in(old_token)
        server.publish(new)
        assert (await sign_in(new_token)).actor.uid == "u-ada"
        assert len(server.asked) == 2
        await sign_in(old_token)  # remembered
        sign_in.clock.seconds += REMEMBERED_SECONDS
        assert await sign_in.refused(old_token) == REFUSED
        server.publish()
        await sign_in.keys.refresh()
        sign_in.clock.seconds += REMEMBERED_SECONDS
        assert await sign_in.refused(new_token) == REFUSED

    run(server, scenario)


def test_keys_are_fetched_again_though_nobody_asks(server: JwksServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer_keys, "REFRESH_SECONDS", 0.01)

    async def scenario(sign_in: SignIn) -> None:
        await sign_in(token())
        server.publish(EC)
        await until(lambda: set(sign_in.keys._keys) == {"ec"})

    run(server, scenario)


# The issuer is away


def _status(status: int) -> Callable[[JwksServer], None]:
    return lambda server: setattr(server, "status", status)


def _document(document: bytes) -> Callable[[JwksServer], None]:
    return lambda server: setattr(server, "document", document)


def _redirects(server: JwksServer) -> None:
    server.status, server.headers = 302, {"Location": f"{server.url}-elsewhere"}


def _packs(server: JwksServer) -> None:
    server.headers = {"Content-Encoding": "gzip"}
    server.document = gzip.compress(server.document)


FAULTS: dict[str, Callable[[JwksServer], None]] = {
    "an error": _status(500),
    "not found": _status(404),
    "no content": _status(204),
    "a redirect": _redirects,
    "nothing": _document(b""),
    "no JSON": _document(b"<html>"),
    "no UTF-8": _document(b"\xff\xfe"),
    "too deep": _document(b"[" * 100_000),
    "too long": lambda server: setattr(server, "document", b" " * issuer_keys.DOCUMENT_MOST_BYTES + server.document),
    "no object": _document(b"[]"),
    "no keys": _document(b"{}"),
    "keys that are no list": _document(b'{"keys":{"kid":"rsa"}}'),
    "packed": _packs,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_issuer_that_fails_leaves_the_keys_as_they_were(
    server: JwksServer, fault: Callable[[JwksServer], None]
) -> None:
    async def scenario(sign_in: SignIn) -> None:
        await sign_in(token())
        fault(server)
        await sign_in.keys.refresh()
        sign_in.clock.seconds += REMEMBERED_SECONDS
        assert (await sign_in(token())).actor.uid == "u-ada"
        # It may be the issuer's newest key: nobody can tell now, and a caller told 401 would throw its token away.
        assert await sign_in.refused(token(STRANGER)) == AWAY

    run(server, scenario)
    assert not any("elsewhere" in path for path in server.asked)


def test_an_issuer_that_never_answered_is_503_and_then_is_there(server: JwksServer) -> None:
    server.status = 500

    async def scenario(sign_in: SignIn) -> None:
        assert await sign_in.refused(token()) == AWAY
        assert await sign_in.refused(token(header={"typ": "JWT"})) == REFUSED
        server.status = 200
        await sign_in.keys.refresh()
        assert (await sign_in(token())).actor.uid == "u-ada"

    run(server, scenario)


def test_an_issuer_that_hangs_is_given_up(server: JwksServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer_keys, "FETCH_SECONDS", 0.05)
    server.gate.clear()

    async def scenario(sign_in: SignIn) -> None:
        assert await sign_in.refused(token()) == AWAY

    run(server, scenario)


def test_an_issuer_that_is_not_there_at_all() -> None:
    with jwks_server() as gone:
        pass

    async def scenario(sign_in: SignIn) -> None:
        assert await sign_in.refused(token()) == AWAY

    run(gone, scenario)


def test_keys_do_not_outlive_the_issuer_by_more_than_a_day(server: JwksServer) -> None:
    async def scenario(sign_in: SignIn) -> None:
        await sign_in(token())
        server.status = 500
        await sign_in.keys.refresh()
        sign_in.clock.seconds += KEPT_SECONDS - 1
        await sign_in(token(sub="u-bob"))
        sign_in.clock.seconds += 1
        assert await sign_in.refused(token(sub="u-eve")) == AWAY

    run(server, scenario)
