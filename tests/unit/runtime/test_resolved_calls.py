"""Calls are read once while they are short, and each reader is told apart."""

from __future__ import annotations

from typing import Any, cast

from realtime import QueryCtx, internal_query, query
from realtime.runtime.counters import Counters
from realtime.runtime.error_texts import ErrorTexts
from realtime.runtime.function_run import RunSettings
from realtime.runtime.function_runner import FunctionRunner
from realtime.runtime.outcome import ADMIN, FunctionCall, NestedCall
from realtime.runtime.resolved_calls import CAPACITY_BYTES, ResolvedCalls
from realtime.testing import VirtualClock
from tests.unit.runtime.small_app import ROOT, app_of


@query
async def listed(ctx: QueryCtx, label: str = "") -> None: ...


@internal_query
async def hidden(ctx: QueryCtx) -> None: ...


def new_calls(capacity_bytes: int = CAPACITY_BYTES) -> ResolvedCalls:
    settings = RunSettings(
        app_of(listed, hidden).registry, ROOT, cast(Any, None), 1.0, 256, cast(Any, None)
    )
    texts = ErrorTexts(ROOT, VirtualClock(), redact_errors=False)
    runner = FunctionRunner(settings, texts, VirtualClock(), Counters())
    return ResolvedCalls(runner, capacity_bytes)


def test_calls_that_mean_the_same_have_one_key() -> None:
    calls = new_calls()
    spellings = [
        FunctionCall("t:listed", b'{"label":"a"}'),
        FunctionCall("t.js:listed", b'[{ "label": "a" }]'),
    ]

    keys = [calls.resolve(call).cache_key(None) for call in spellings]

    assert keys[0] == keys[1] == ("t:listed", b'{"label":"a"}', None, None)


def test_journal_is_part_of_the_key() -> None:
    resolved = new_calls().resolve(FunctionCall("t:listed", b""))

    assert resolved.cache_key("a") != resolved.cache_key(None)


def test_short_call_is_read_once_and_a_long_one_each_time() -> None:
    calls = new_calls()
    short = FunctionCall("t:listed", b'{"label":"a"}')
    long = FunctionCall("t:listed", b'{"label":"%s"}' % (b"a" * 1_000))

    assert calls.resolve(short) is calls.resolve(short)
    assert calls.resolve(long) is not calls.resolve(long)
    assert calls.resolve(long).args == calls.resolve(long).args


def test_call_with_a_long_path_is_not_kept() -> None:
    calls = new_calls()
    call = FunctionCall("t:" + "a" * 1_000, b"")

    assert calls.resolve(call) is not calls.resolve(call)
    assert calls.size_bytes == 0


def test_call_that_was_asked_for_longest_ago_makes_room() -> None:
    calls = new_calls(capacity_bytes=3_000)
    first, *others = [FunctionCall("t:listed", b'{"label":"%d"}' % n) for n in range(20)]
    resolved = calls.resolve(first)

    for other in others:
        calls.resolve(other)
        assert calls.resolve(first) is resolved
        assert 0 < calls.size_bytes <= 3_000
    assert calls.resolve(others[-1]) is calls.resolve(others[-1])
    again = calls.resolve(others[0])
    assert again is calls.resolve(others[0]) and again.args == {"label": "1"}


def test_bytes_of_kept_calls_are_those_of_what_is_kept() -> None:
    calls = new_calls(capacity_bytes=3_000)
    call = FunctionCall("t:listed", b'{"label":"a"}')
    calls.resolve(call)
    alone = calls.size_bytes
    for number in range(20):
        calls.resolve(FunctionCall("t:listed", b'{"label":"%d"}' % (10 + number)))

    assert 500 < alone < 1_000
    assert calls.size_bytes % (alone + 3) == 0


def test_what_the_admin_may_call_is_not_there_for_others() -> None:
    calls = new_calls()

    of_admin = calls.resolve(FunctionCall("t:hidden", b"", ADMIN))
    of_nobody = calls.resolve(FunctionCall("t:hidden", b""))

    assert of_admin.function is not None
    assert of_nobody.function is None and of_nobody.cache_key(None) is None
    assert of_nobody.failure is not None and of_nobody.failure.error is not None


def test_internal_function_that_a_nested_call_reached_is_not_there_for_clients() -> None:
    calls = new_calls()

    nested = calls.resolve(NestedCall("t:hidden", b""))
    of_a_client = calls.resolve(FunctionCall("t:hidden", b""))

    assert nested.function is not None
    assert of_a_client.function is None
