"""Calls are read once while they are short, and each reader is told apart."""

from __future__ import annotations

from typing import Any, cast

from realtime import QueryCtx, internal_query, query
from realtime.runtime.counters import Counters
from realtime.runtime.error_texts import ErrorTexts
from realtime.runtime.function_run import RunSettings
from realtime.runtime.function_runner import FunctionRunner
from realtime.runtime.outcome import ADMIN, FunctionCall, NestedCall
from realtime.runtime.resolved_calls import ResolvedCalls
from realtime.testing import VirtualClock
from tests.unit.runtime.small_app import ROOT, app_of


@query
async def listed(ctx: QueryCtx, label: str = "") -> None: ...


@internal_query
async def hidden(ctx: QueryCtx) -> None: ...


def new_calls() -> ResolvedCalls:
    settings = RunSettings(
        app_of(listed, hidden).registry, ROOT, cast(Any, None), 1.0, 256, cast(Any, None)
    )
    texts = ErrorTexts(ROOT, VirtualClock(), redact_errors=False)
    return ResolvedCalls(FunctionRunner(settings, texts, VirtualClock(), Counters()))


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
