"""When the keys of a provider are fetched, and when not."""

from __future__ import annotations

import asyncio

import pytest

from realtime.errors import AuthenticationError, UnavailableError
from realtime.runtime.auth_config import CustomJwt
from realtime.server.auth.cached_keys import (
    FRESH_SECONDS,
    RETRY_SECONDS,
    UNKNOWN_ID_SECONDS,
    USABLE_SECONDS,
)
from realtime.server.auth.rejections import unreachable_provider
from tests.harness.tokens import key_document, signing_key
from tests.unit.server.auth.token_check import JWT, JWT_KEYS, OIDC, Check

pytestmark = pytest.mark.asyncio

OLD, NEW = signing_key("ES256"), signing_key("ES256", 2)


@pytest.fixture
def check() -> Check:
    check = Check(CustomJwt(issuer=JWT, jwks=JWT_KEYS, algorithm="ES256"))
    check.documents.documents[JWT_KEYS] = key_document(OLD)
    return check


def fetches(check: Check) -> int:
    return check.documents.fetched.count(JWT_KEYS)


async def accept(check: Check, key: object = OLD) -> None:
    assert (await check.validate(key.sign(check.claims(JWT)))).user is not None  # type: ignore[attr-defined]


async def refuse(check: Check, key: object = NEW) -> None:
    with pytest.raises(AuthenticationError, match="does this key match any key"):
        await check.validate(key.sign(check.claims(JWT)))  # type: ignore[attr-defined]


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def serve(check: Check, *keys: object) -> None:
    check.documents.documents[JWT_KEYS] = key_document(*keys)  # type: ignore[arg-type]


def fail(check: Check) -> None:
    check.documents.documents[JWT_KEYS] = unreachable_provider()


async def test_keys_are_fetched_once_for_all_tokens_that_wait(check: Check) -> None:
    check.documents.may_answer.clear()
    waiting = [asyncio.ensure_future(accept(check)) for _ in range(50)]
    await turns()
    assert fetches(check) == 1
    assert not any(one.done() for one in waiting)

    waiting[0].cancel()  # one that gives up takes the fetch from nobody
    await turns()
    check.documents.may_answer.set()

    await asyncio.gather(*waiting[1:])
    await accept(check)
    assert fetches(check) == 1


async def test_old_keys_are_used_while_they_are_fetched_anew(check: Check) -> None:
    await accept(check)
    check.clock.advance(FRESH_SECONDS - 1)
    await accept(check)
    assert fetches(check) == 1

    check.clock.advance(1)
    check.documents.may_answer.clear()
    await accept(check)
    await turns()
    assert fetches(check) == 2
    serve(check, NEW)
    check.documents.may_answer.set()
    await turns()

    await accept(check, NEW)
    assert fetches(check) == 2


async def test_withdrawn_key_is_not_used_for_longer_than_an_hour(check: Check) -> None:
    await accept(check)
    serve(check, NEW)
    check.clock.advance(USABLE_SECONDS)

    await refuse(check, OLD)


async def test_provider_that_fails_is_not_noticed_for_less_than_an_hour(check: Check) -> None:
    await accept(check)
    fail(check)

    for _ in range(10):
        check.clock.advance(USABLE_SECONDS / 11)
        await accept(check)
        await turns()
    assert fetches(check) == 11
    check.clock.advance(USABLE_SECONDS / 11)
    with pytest.raises(UnavailableError) as caught:
        await accept(check)

    assert caught.value.code == "AuthProviderUnavailable"


async def test_rotated_key_is_found_at_once(check: Check) -> None:
    await accept(check)
    serve(check, NEW)

    await accept(check, NEW)

    assert fetches(check) == 2


async def test_made_up_key_ids_make_one_fetch_in_ten_seconds(check: Check) -> None:
    await accept(check)
    for _ in range(20):
        await refuse(check)
    assert fetches(check) == 2

    check.clock.advance(UNKNOWN_ID_SECONDS)
    for _ in range(20):
        await refuse(check)
    assert fetches(check) == 3


async def test_unknown_key_is_no_verdict_while_the_keys_cannot_be_fetched(check: Check) -> None:
    await accept(check)
    fail(check)

    for _ in range(3):
        with pytest.raises(UnavailableError):
            await accept(check, NEW)
        check.clock.advance(RETRY_SECONDS)
    serve(check, NEW)

    await accept(check, NEW)


async def test_failing_provider_is_asked_once_a_second(check: Check) -> None:
    fail(check)
    for _ in range(20):
        with pytest.raises(UnavailableError):
            await accept(check)
    assert fetches(check) == 1

    check.clock.advance(RETRY_SECONDS)
    serve(check, OLD)
    await accept(check)
    assert fetches(check) == 2


async def test_close_ends_the_wait_of_all(check: Check) -> None:
    check.documents.may_answer.clear()
    waiting = [asyncio.ensure_future(accept(check)) for _ in range(3)]
    await turns()

    await check.validator.close()

    for one in waiting:
        with pytest.raises(UnavailableError):
            await one


async def test_discovery_and_keys_are_fetched_together() -> None:
    check, key = Check(), signing_key("RS256")
    for _ in range(3):
        assert (await check.validate(key.sign(check.claims(OIDC)))).user is not None

    assert check.documents.fetched == [f"{OIDC}/.well-known/openid-configuration", f"{OIDC}/keys"]
