"""Results in the form in which they go out."""

from __future__ import annotations

import json
from typing import Any

from realtime.runtime.outcome import (
    ANONYMOUS,
    ClientError,
    FunctionCall,
    Identity,
    QueryResult,
)


def members(result: QueryResult) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(b"{" + result.modification + b"}")
    return value


def test_value_is_handed_on_as_it_was_encoded() -> None:
    result = QueryResult(b'{"a":1.50}', None, ("[LOG] 'x'",), "journal")

    assert b'"value":{"a":1.50}' in result.modification
    assert members(result) == {
        "type": "QueryUpdated",
        "value": {"a": 1.5},
        "logLines": ["[LOG] 'x'"],
        "journal": "journal",
    }


def test_failure_has_its_message_and_no_value() -> None:
    result = QueryResult(None, ClientError('a "text"\n'))

    assert members(result) == {
        "type": "QueryFailed",
        "errorMessage": 'a "text"\n',
        "logLines": [],
        "journal": None,
    }


def test_data_of_a_failure_is_there_also_if_it_is_null() -> None:
    assert members(QueryResult(None, ClientError("x", b"null")))["errorData"] is None
    assert "errorData" not in members(QueryResult(None, ClientError("x")))


def test_same_result_has_the_same_bytes() -> None:
    assert (
        QueryResult(b"1", None, ("a",)).modification == QueryResult(b"1", None, ("a",)).modification
    )


def test_call_without_more_is_one_of_nobody_in_a_queue_of_its_own() -> None:
    call = FunctionCall("a:b", b"")

    assert (call.identity, call.caller) == (ANONYMOUS, None)
    assert not call.identity.is_admin


def test_admin_and_nobody_are_the_same_to_a_function() -> None:
    assert Identity(is_admin=True).visible_to_functions == ANONYMOUS.visible_to_functions == b""
