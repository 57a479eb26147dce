"""Decoding of client messages and encoding of server messages."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import ProtocolError
from realtime.runtime.outcome import ClientError, MutationOutcome, QueryResult
from realtime.sync.messages import (
    Action,
    Add,
    Authenticate,
    ClientMessage,
    Connect,
    EncodedMessage,
    Event,
    ModifyQuerySet,
    Mutation,
    Remove,
    StateVersion,
    comparable_result,
    decode_client_message,
    decode_timestamp,
    encode_action_response,
    encode_auth_error,
    encode_client_message,
    encode_fatal_error,
    encode_mutation_response,
    encode_ping,
    encode_timestamp,
    encode_transition,
)

SESSION_ID = "6d6f6d6f-0000-4000-8000-00000000000a"


def parsed(message: EncodedMessage) -> Any:
    return json.loads(b"".join(message))


def test_connect_of_a_javascript_client_is_decoded() -> None:
    message = decode_client_message(
        f'{{"type":"Connect","sessionId":"{SESSION_ID}","connectionCount":0,'
        '"lastCloseReason":"InitialConnect","maxObservedTimestamp":"AAAqNv6clxc=",'
        '"clientTs":1763800000000}'
    )

    assert isinstance(message, Connect)
    assert str(message.session_id) == SESSION_ID
    assert message.max_observed_timestamp == "AAAqNv6clxc="
    assert message.client_ts == 1763800000000


@pytest.mark.parametrize("reason", ["null", '"closed with code 1011"', "17"])
@pytest.mark.parametrize("count", ["null", "3", '"3"', "1.5"])
def test_connect_is_accepted_whatever_its_count_and_reason_are(count: str, reason: str) -> None:
    message = decode_client_message(
        f'{{"type":"Connect","sessionId":"{SESSION_ID}","connectionCount":{count},'
        f'"lastCloseReason":{reason},"clientTs":0}}'
    )

    assert isinstance(message, Connect)


def test_modifications_keep_their_arguments_as_json_text() -> None:
    message = decode_client_message(
        b'{"modifications":[{"type":"Add","queryId":3,"udfPath":"messages:list","args":[ {"a":1}],'
        b'"journal":"j"},{"type":"Remove","queryId":1},{"type":"Add","queryId":4,"udfPath":"a:b",'
        b'"componentPath":""}],"baseVersion":4,"newVersion":5,"type":"ModifyQuerySet","new":{}}'
    )

    assert isinstance(message, ModifyQuerySet)
    assert (message.base_version, message.new_version) == (4, 5)
    first, second, third = message.modifications
    assert isinstance(first, Add) and isinstance(third, Add)
    assert (first.query_id, first.udf_path, first.journal) == (3, "messages:list", "j")
    assert bytes(first.args) == b'[ {"a":1}]'
    assert second == Remove(query_id=1)
    assert (bytes(third.args), third.journal, third.component_path) == (b"[]", None, "")


@pytest.mark.parametrize("kind", [Mutation, Action])
def test_a_call_keeps_its_arguments_as_json_text(kind: type[Mutation | Action]) -> None:
    message = decode_client_message(
        f'{{"type":"{kind.__name__}","requestId":4294967295,"udfPath":"m:f","args":[{{"x":1.50}}]}}'
    )

    assert isinstance(message, kind)
    assert (message.request_id, message.udf_path) == (2**32 - 1, "m:f")
    assert bytes(message.args) == b'[{"x":1.50}]'
    assert message.component_path is None


@pytest.mark.parametrize("spelling", ["impersonating", "actingAs", "acting_as"])
def test_every_spelling_of_acting_as_is_understood(spelling: str) -> None:
    message = decode_client_message(
        '{"type":"Authenticate","baseVersion":0,"tokenType":"Admin","value":"a|b",'
        f'"{spelling}":{{"issuer":"i"}}}}'
    )

    assert isinstance(message, Authenticate)
    assert message.attributes == {"issuer": "i"}


def test_acting_as_nobody_in_particular_is_not_the_same_as_not_acting() -> None:
    head = '{"type":"Authenticate","baseVersion":0,"tokenType":"Admin","value":"k"'

    acting = decode_client_message(head + ',"actingAs":{}}')
    plain = decode_client_message(head + ',"actingAs":null}')

    assert isinstance(acting, Authenticate) and acting.attributes == {}
    assert isinstance(plain, Authenticate) and plain.attributes is None


def test_no_token_is_needed_to_become_anonymous() -> None:
    message = decode_client_message('{"type":"Authenticate","baseVersion":1,"tokenType":"None"}')

    assert message == Authenticate(base_version=1, token_type="None")


@pytest.mark.parametrize("members", ["", ',"eventType":"ClientConnect","event":{"a":[1]}'])
def test_an_event_is_decoded_whatever_it_holds(members: str) -> None:
    assert decode_client_message(f'{{"type":"Event"{members}}}') == Event()


MALFORMED = [
    ("", "truncated"),
    ("hello", "JSON is malformed"),
    (b"\xff\xfe", "JSON is malformed"),
    ("[]", "Expected `object`, got `array`"),
    ('{"queryId":1}', "missing required field `type`"),
    ('{"type":"Subscribe"}', "Invalid value 'Subscribe' - at `$.type`"),
    ('{"type":7}', "Expected `str` - at `$.type`"),
    ('{"type":"Mutation","udfPath":"m:f"}', "missing required field `requestId`"),
    ('{"type":"Mutation","requestId":-1,"udfPath":"m:f"}', "`$.requestId`"),
    ('{"type":"Mutation","requestId":4294967296,"udfPath":"m:f"}', "`$.requestId`"),
    ('{"type":"Action","requestId":"1","udfPath":"m:f"}', "got `str` - at `$.requestId`"),
    ('{"type":"Mutation","requestId":1,"udfPath":null}', "got `null` - at `$.udfPath`"),
    ('{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1}', "field `modifications`"),
    (
        '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Up"}]}',
        "Invalid value 'Up' - at `$.modifications[0].type`",
    ),
    ('{"type":"Connect","sessionId":"me"}', "Invalid UUID - at `$.sessionId`"),
    ('{"type":"Authenticate","baseVersion":0,"tokenType":"Magic"}', "`$.tokenType`"),
    ('{"type":"Authenticate","baseVersion":0,"tokenType":"User"}', "Expected a `value`"),
    ('{"type":"Mutation","requestId":1,"udfPath":"m:f","args":[1,]}', "JSON is malformed"),
    ('{"type":"Mutation","requestId":1,"args":' + "[" * 100_000, "recursion"),
    ('{"type":"Mutation","udfPath":"\ud800"}', "surrogates not allowed"),
]


@pytest.mark.parametrize(("text", "fault"), MALFORMED)
def test_a_malformed_message_is_refused_with_its_fault(text: str | bytes, fault: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_client_message(text)

    assert caught.value.message.startswith("Expected a JSON object whose `type` is Connect, ")
    assert fault in caught.value.message


def test_a_refusal_does_not_repeat_a_large_message() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_client_message('{"type":"' + "x" * 1_000_000 + '"}')

    assert len(caught.value.message) < 500


@given(st.text() | st.binary())
def test_what_is_no_message_raises_nothing_but_a_protocol_error(text: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_client_message(text)


ADD: dict[str, Any] = {"type": "Add", "queryId": 0, "udfPath": "a:b", "args": [{}], "journal": ""}
VALID: list[dict[str, Any]] = [
    {"type": "Connect", "sessionId": SESSION_ID, "maxObservedTimestamp": "", "clientTs": 1},
    {"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": "v"},
    {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": [ADD]},
    {"type": "Mutation", "requestId": 0, "udfPath": "a:b", "args": [], "componentPath": ""},
    {"type": "Event", "eventType": "x", "event": {}},
    ADD,
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children),
    max_leaves=5,
)


@given(st.sampled_from(VALID), st.data(), JSON_VALUES)
def test_a_member_of_any_other_value_is_decoded_or_refused(
    valid: dict[str, Any], data: st.DataObject, value: Any
) -> None:
    member = data.draw(st.sampled_from(sorted(valid)))

    for text in (
        json.dumps(valid | {member: value}),
        json.dumps({name: valid[name] for name in valid if name != member}),
    ):
        try:
            decode_client_message(text)
        except ProtocolError as error:
            assert len(error.message) < 500


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (0, "AAAAAAAAAAA="),
        (1, "AQAAAAAAAAA="),
        (1700000000000000000, "AAAqNv6clxc="),
        (2**63 - 1, "/////////38="),
    ],
)
def test_timestamps_have_the_form_of_the_contract(timestamp: int, text: str) -> None:
    assert encode_timestamp(timestamp) == text
    assert decode_timestamp(text) == timestamp


@given(st.integers(0, 2**63 - 1))
def test_decoding_a_timestamp_reverses_encoding(timestamp: int) -> None:
    assert decode_timestamp(encode_timestamp(timestamp)) == timestamp


@pytest.mark.parametrize(
    "text", ["", "AQ==", "AAAAAAAAAAA", "AAAA*AAAAAA=", "//////////8=", "AAAAAAAAAAAA", "é" * 2000]
)
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="Expected a timestamp") as caught:
        decode_timestamp(text)

    assert len(caught.value.message) < 500


def test_a_transition_holds_removals_then_results() -> None:
    value = QueryResult(b'[{"a":1}]', None, ("[LOG] 'hi'",), "journal")
    failure = QueryResult(None, ClientError("Server Error\nboom", b'{"why":null}'))

    message = encode_transition(
        StateVersion(0, 0, 0).encode(),
        StateVersion(2, 1, 1700000000000000000).encode(),
        [7, 8],
        [(0, value), (1, failure)],
        client_clock_skew_ms=-3,
        server_time_ns=1763800000123456789,
    )

    assert parsed(message) == {
        "type": "Transition",
        "startVersion": {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="},
        "endVersion": {"querySet": 2, "identity": 1, "ts": "AAAqNv6clxc="},
        "modifications": [
            {"type": "QueryRemoved", "queryId": 7},
            {"type": "QueryRemoved", "queryId": 8},
            {
                "type": "QueryUpdated",
                "queryId": 0,
                "value": [{"a": 1}],
                "logLines": ["[LOG] 'hi'"],
                "journal": "journal",
            },
            {
                "type": "QueryFailed",
                "queryId": 1,
                "errorMessage": "Server Error\nboom",
                "errorData": {"why": None},
                "logLines": [],
                "journal": None,
            },
        ],
        "clientClockSkew": -3,
        "serverTs": 1763800000123456789,
    }


def test_the_bytes_of_a_result_are_shared_and_not_copied() -> None:
    result = QueryResult(b'"' + b"x" * 1000 + b'"', None)
    version = StateVersion(0, 0, 0).encode()

    message = encode_transition(
        version, version, [], [(0, result)], client_clock_skew_ms=None, server_time_ns=1
    )

    assert any(piece is result.modification for piece in message)
    assert parsed(message)["modifications"][0]["queryId"] == 0


def test_an_empty_transition_has_all_its_members() -> None:
    version = StateVersion(1, 0, 5).encode()

    message = encode_transition(
        version, version, [], [], client_clock_skew_ms=None, server_time_ns=9
    )

    assert parsed(message) == {
        "type": "Transition",
        "startVersion": {"querySet": 1, "identity": 0, "ts": "BQAAAAAAAAA="},
        "endVersion": {"querySet": 1, "identity": 0, "ts": "BQAAAAAAAAA="},
        "modifications": [],
        "clientClockSkew": None,
        "serverTs": 9,
    }


def test_failures_that_differ_in_their_request_id_only_are_comparable() -> None:
    def failure(text: str) -> QueryResult:
        return QueryResult(None, ClientError(text))

    first = failure("[Request ID: 0123456789abcdef] Server Error\nboom")
    second = failure("[Request ID: fedcba9876543210] Server Error\nboom")
    other = failure("[Request ID: 0123456789abcdef] Server Error\nbang")
    user_text = failure("[Request ID: none")

    assert comparable_result(first) == comparable_result(second)
    assert comparable_result(first) != comparable_result(other)
    assert comparable_result(user_text) == user_text.modification


def test_a_mutation_response_carries_the_result_unchanged() -> None:
    outcome = MutationOutcome(b'{"$integer":"AQAAAAAAAAA="}', None, 1, ("[INFO] 'done'",))

    message = encode_mutation_response(7, outcome)

    assert any(piece is outcome.value for piece in message)
    assert parsed(message) == {
        "type": "MutationResponse",
        "requestId": 7,
        "success": True,
        "result": {"$integer": "AQAAAAAAAAA="},
        "ts": "AQAAAAAAAAA=",
        "logLines": ["[INFO] 'done'"],
    }


@pytest.mark.parametrize(
    ("data", "members"), [(None, {}), (b"null", {"errorData": None}), (b"5", {"errorData": 5})]
)
def test_error_data_is_a_member_only_if_there_is_data(
    data: bytes | None, members: dict[str, Any]
) -> None:
    outcome = MutationOutcome(None, ClientError('no "way"\n', data), 9)

    assert (
        parsed(encode_mutation_response(1, outcome))
        == {
            "type": "MutationResponse",
            "requestId": 1,
            "success": False,
            "result": 'no "way"\n',
            "ts": None,
            "logLines": [],
        }
        | members
    )


def test_action_responses_have_no_timestamp() -> None:
    success = encode_action_response(2, MutationOutcome(b"null", None, 5))
    failure = encode_action_response(3, MutationOutcome(None, ClientError("no", b"1"), 5))

    assert parsed(success) == {
        "type": "ActionResponse",
        "requestId": 2,
        "success": True,
        "result": None,
        "logLines": [],
    }
    assert parsed(failure) == {
        "type": "ActionResponse",
        "requestId": 3,
        "success": False,
        "result": "no",
        "logLines": [],
        "errorData": 1,
    }


def test_an_auth_error_names_the_version_that_stays() -> None:
    assert parsed(encode_auth_error('bad "token"', 2, update_attempted=True)) == {
        "type": "AuthError",
        "error": 'bad "token"',
        "baseVersion": 2,
        "authUpdateAttempted": True,
    }
    assert parsed(encode_auth_error("x", 0, update_attempted=False))["authUpdateAttempted"] is False


def test_fatal_error_and_ping_have_the_form_of_the_contract() -> None:
    assert parsed(encode_fatal_error("a\nb")) == {"type": "FatalError", "error": "a\nb"}
    assert parsed(encode_ping()) == {"type": "Ping"}


def test_message_of_a_client_is_written_without_what_it_need_not_say() -> None:
    addition = Add(0, "messages:list", msgspec.Raw(b"[{}]"))

    assert encode_client_message(ModifyQuerySet(0, 1, (addition, Remove(5)))) == (
        b'{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":['
        b'{"type":"Add","queryId":0,"udfPath":"messages:list","args":[{}]},'
        b'{"type":"Remove","queryId":5}]}'
    )


@pytest.mark.parametrize(
    "message",
    [
        Connect(UUID(SESSION_ID), 3, "closed with code 1011", encode_timestamp(7)),
        Authenticate(2, "User", "a token"),
        Authenticate(0, "None"),
        ModifyQuerySet(1, 2, (Add(4, "a:b", msgspec.Raw(b"[{}]"), "a journal"), Remove(3))),
        Mutation(1, "a:b", msgspec.Raw(b'[{"x":1}]')),
        Action(2, "a:b", msgspec.Raw(b"[{}]")),
    ],
)
def test_message_of_a_client_is_read_as_it_was_written(message: ClientMessage) -> None:
    text = encode_client_message(message)

    assert encode_client_message(decode_client_message(text)) == text
    assert type(decode_client_message(text)) is type(message)
