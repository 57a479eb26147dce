"""Requests and answers of the function endpoints; the backend is recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime.errors import OutOfRetentionError
from realtime.runtime.outcome import ADMIN, ANONYMOUS, ClientError, QueryResult
from realtime.server.http_messages import MAX_BATCH_QUERIES
from realtime.sync.messages import encode_timestamp
from tests.unit.server.http_caller import ADMIN_HEADER, UNSIGNED_TOKEN, Api, refusal


@pytest.mark.parametrize("kind", ["query", "mutation", "function"])
def test_call_reaches_the_backend_by_its_route(api: Api, kind: str) -> None:
    body = {"path": "messages:list", "args": {"a": 1}}
    response = api.post(f"/api/{kind}", body, headers=ADMIN_HEADER)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"status": "success", "value": None}
    ((ran, call),) = api.backend.calls
    assert (ran, call.path, call.args, call.identity) == (kind, "messages:list", b'{"a":1}', ADMIN)


@pytest.mark.parametrize("args", [{"n": 1}, [{"n": 1}], []])
def test_arguments_are_passed_on_as_they_came(api: Api, args: Any) -> None:
    api.post("/api/query", {"path": "m:f", "args": args})

    assert json.loads(api.call.args) == args


def test_absent_arguments_are_none(api: Api) -> None:
    api.post("/api/query", {"path": "m:f"})

    assert api.call.args == b"{}"


def test_query_can_be_asked_for_by_get(api: Api) -> None:
    args = json.dumps([{"text": "a&b=é"}])
    api.request("GET", "/api/query", params={"path": "m:f", "args": args, "format": "json"})

    assert (api.call.path, json.loads(api.call.args)) == ("m:f", [{"text": "a&b=é"}])


def test_get_needs_no_arguments(api: Api) -> None:
    assert api.request("GET", "/api/query", params={"path": "m:f"}).status_code == 200
    assert api.call.args == b"{}"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "BadJsonBody"),
        ({"path": "m:f", "args": "{"}, "BadJsonBody"),
        ({"path": "m:f", "args": "nothing"}, "BadJsonBody"),
        ({"path": "m:f", "format": "xml"}, "BadFormat"),
        ({"path": "/m:f"}, "BadConvexFunctionIdentifier"),
    ],
)
def test_bad_get_is_refused(api: Api, params: dict[str, str], code: str) -> None:
    assert refusal(api.request("GET", "/api/query", params=params)) == (400, code)
    assert api.backend.calls == []


def test_request_id_of_the_call_is_returned(api: Api) -> None:
    response = api.post("/api/query", {"path": "m:f"})

    assert api.call.request_id is not None
    assert len(api.call.request_id) == 16
    assert response.headers["convex-request-id"] == api.call.request_id


@pytest.mark.parametrize(("given", "is_used"), [("0123456789abcdef", True), ("x\tlog", False)])
def test_request_id_of_the_client_is_used_if_it_is_one(api: Api, given: str, is_used: bool) -> None:
    api.post("/api/query", {"path": "m:f"}, headers={"convex-request-id": given})

    assert (api.call.request_id == given) is is_used


def test_caller_without_credentials_is_anonymous(api: Api) -> None:
    api.post("/api/query", {"path": "m:f"})

    assert api.call.identity == ANONYMOUS


def test_admin_key_may_stand_in_the_address(api: Api) -> None:
    api.post("/api/query?adminKey=test%7Csecret", {"path": "m:f"})

    assert api.call.identity == ADMIN


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Convex test|wrong", (403, "BadDeployKey")),
        ("Convex ", (403, "BadDeployKey")),
        ("Bearer a.b.c", (401, "InvalidAuthHeader")),
        (f"Bearer {UNSIGNED_TOKEN}", (401, "NoAuthProvider")),
        ("bEARER ", (401, "InvalidAuthHeader")),
        ("Bearer", (400, "InvalidHeaderFailure")),
        ("Convex test|secret:e30=", (401, "InvalidAuthHeader")),
        ("Basic dGVzdA==", (401, "InvalidAuthHeader")),
        ("short", (400, "InvalidHeaderFailure")),
    ],
)
def test_bad_credentials_are_refused_on_every_route(
    api: Api, header: str, expected: tuple[int, str]
) -> None:
    for route in ("query", "mutation", "function"):
        response = api.post(f"/api/{route}", {"path": "m:f"}, headers={"Authorization": header})
        assert refusal(response) == expected
    assert api.backend.calls == []


def test_function_of_any_kind_is_for_admins_only(api: Api) -> None:
    assert refusal(api.post("/api/function", {"path": "m:f"})) == (403, "BadDeployKey")
    assert api.backend.calls == []


def test_admin_key_can_be_checked(api: Api) -> None:
    assert api.request("GET", "/api/check_admin_key", headers=ADMIN_HEADER).status_code == 200
    assert refusal(api.request("GET", "/api/check_admin_key")) == (403, "BadDeployKey")


@pytest.mark.parametrize(
    ("path", "text"),
    [("/version", "1.2.3"), ("/instance_version", "1.2.3"), ("/instance_name", "test")],
)
def test_probes_are_answered_as_text(api: Api, path: str, text: str) -> None:
    response = api.request("GET", path)

    assert (response.status_code, response.text) == (200, text)
    assert response.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("state", "status"), [("running", 200), ("starting", 503), ("stopping", 503), ("fenced", 503)]
)
def test_server_is_ready_only_while_it_runs(api: Api, state: str, status: int) -> None:
    api.backend.state = state

    assert api.request("GET", "/ready").status_code == status


def test_echo_returns_its_body(api: Api) -> None:
    headers = {"content-type": "application/x-test"}
    response = api.request("POST", "/echo", content=b"\x00\xff", headers=headers)

    assert response.content == b"\x00\xff"
    assert response.headers["content-type"] == "application/x-test"


def test_debug_events_are_taken(api: Api) -> None:
    assert api.post("/api/debug_event", {"anything": True}).status_code == 200


@pytest.mark.parametrize(
    ("address", "path"), [("messages/list", "messages:list"), ("a/b/c", "a/b:c")]
)
def test_function_can_stand_in_the_address(api: Api, address: str, path: str) -> None:
    response = api.post(f"/api/run/{address}", {"args": {"a": 1}})

    assert response.json() == {"status": "success", "value": None}
    assert (api.call.path, json.loads(api.call.args)) == (path, {"a": 1})
    assert api.call.identity == ANONYMOUS


def test_address_of_a_function_is_decoded(api: Api) -> None:
    api.post("/api/run/dir%2Fmessages/list", {"args": {}})

    assert api.call.path == "dir/messages:list"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("messages", "MissingIdentifier"),
        ("messages/", "MissingIdentifier"),
        ("", "MissingIdentifier"),
        ("a-b/list", "BadConvexFunctionIdentifier"),
        ("a/b:c", "BadConvexFunctionIdentifier"),
    ],
)
def test_address_without_a_function_is_refused(api: Api, address: str, code: str) -> None:
    assert refusal(api.post(f"/api/run/{address}", {"args": {}})) == (400, code)
    assert api.backend.calls == []


def test_format_of_a_function_in_the_address_can_be_chosen(api: Api) -> None:
    api.backend.answer = QueryResult(b'{"$integer":"AQAAAAAAAAA="}', None)

    clean = api.post("/api/run/m/f", {}).json()["value"]
    encoded = api.post("/api/run/m/f", {"format": "convex_encoded_json"}).json()["value"]

    assert (clean, encoded) == ("1", {"$integer": "AQAAAAAAAAA="})


def test_newest_timestamp_is_told_without_a_body(api: Api) -> None:
    response = api.request("POST", "/api/query_ts")

    assert response.json() == {"ts": "AAAqNv6clxc="}


def test_query_is_run_at_the_timestamp_of_its_body(api: Api) -> None:
    body = {"path": "m:f", "args": {}, "ts": encode_timestamp(5)}

    assert api.post("/api/query_at_ts", body).json() == {"status": "success", "value": None}

    assert (api.backend.calls[0][0], api.backend.read_at) == ("past query", 5)


@pytest.mark.parametrize(
    ("ts", "code"), [(None, "BadJsonBody"), ("AAAA", "ProtocolError"), (5, "BadJsonBody")]
)
def test_query_without_a_timestamp_is_refused(api: Api, ts: Any, code: str) -> None:
    body = {"path": "m:f", "args": {}} | ({} if ts is None else {"ts": ts})

    assert refusal(api.post("/api/query_at_ts", body)) == (400, code)


def test_timestamp_beyond_the_retention_is_503(api: Api) -> None:
    api.backend.answer = OutOfRetentionError("too long ago")
    body = {"path": "m:f", "args": {}, "ts": encode_timestamp(5)}

    assert refusal(api.post("/api/query_at_ts", body)) == (503, "OutOfRetention")


def test_queries_of_a_batch_are_answered_in_order_and_each_in_its_format(api: Api) -> None:
    api.backend.answer = QueryResult(b'{"$integer":"AQAAAAAAAAA="}', None)
    queries = [{"path": "m:f"}, {"path": "m:g", "args": {}, "format": "convex_encoded_json"}]

    answer = api.post("/api/query_batch", {"queries": queries}).json()

    assert [result["value"] for result in answer["results"]] == [
        "1",
        {"$integer": "AQAAAAAAAAA="},
    ]
    assert [call.path for _, call in api.backend.calls] == ["m:f", "m:g"]


def test_failure_in_a_batch_leaves_the_others_alone(api: Api) -> None:
    api.backend.answer = QueryResult(None, ClientError("x"))

    answer = api.post("/api/query_batch", {"queries": [{"path": "m:f"}]}).json()

    assert answer == {"results": [{"status": "error", "errorMessage": "x"}]}


def test_empty_batch_has_no_results(api: Api) -> None:
    assert api.post("/api/query_batch", {"queries": []}).json() == {"results": []}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "BadJsonBody"),
        ({"queries": [{"args": {}}]}, "BadJsonBody"),
        ({"queries": [{"path": "m:f", "format": "xml"}]}, "BadFormat"),
        ({"queries": [{"path": "m:f"}, {"path": "a b"}]}, "BadConvexFunctionIdentifier"),
        ({"queries": [{"path": "m:f"}] * (MAX_BATCH_QUERIES + 1)}, "TooManyQueries"),
    ],
)
def test_bad_batch_is_refused_whole(api: Api, body: dict[str, Any], code: str) -> None:
    assert refusal(api.post("/api/query_batch", body)) == (400, code)
    assert api.backend.calls == []


def test_component_path_is_passed_on_for_admins(api: Api) -> None:
    body = {"path": "m:f", "componentPath": ""}

    api.post("/api/function", body, headers=ADMIN_HEADER)

    assert api.call.component_path == ""
