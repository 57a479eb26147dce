"""Requests and answers of the function endpoints; the backend is recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette

from realtime.clock import SystemClock
from realtime.errors import (
    OutOfRetentionError,
    OverloadedError,
    StorageFullError,
    UnavailableError,
)
from realtime.runtime.backend import Backend
from realtime.runtime.outcome import (
    ADMIN,
    ANONYMOUS,
    ClientError,
    FunctionCall,
    MutationOutcome,
    QueryResult,
)
from realtime.server.admin_key import AdminKey
from realtime.server.auth.authenticator import Authenticator, NoTokens
from realtime.server.http_api import HttpApi
from realtime.server.http_messages import MAX_BATCH_QUERIES, MAX_BODY_BYTES, Outcome
from realtime.server.value_format import clean_json
from realtime.sync.messages import encode_timestamp

UNSIGNED_TOKEN = "e30.eyJpc3MiOiJodHRwczovL2kuZXhhbXBsZSJ9."
ADMIN_HEADER = {"Authorization": "Convex test|secret"}


class RecordedBackend:
    """Answers each call with what a test has put in `answer`."""

    def __init__(self) -> None:
        self.state = "running"
        self.calls: list[tuple[str, FunctionCall]] = []
        self.answer: Outcome | Exception = QueryResult(b"null", None)
        self.timestamp = 1_700_000_000_000_000_000
        self.read_at: int | None = None
        self.never_answers = False

    async def run_query(self, call: FunctionCall) -> Outcome:
        if self.never_answers:
            await asyncio.get_running_loop().create_future()
        return self._record("query", call)

    async def run_mutation(self, call: FunctionCall) -> Outcome:
        return self._record("mutation", call)

    async def run_function(self, call: FunctionCall) -> Outcome:
        return self._record("function", call)

    async def run_query_at(self, call: FunctionCall, timestamp: int) -> Outcome:
        self.read_at = timestamp
        return self._record("past query", call)

    async def run_queries(self, calls: Sequence[FunctionCall]) -> list[Outcome]:
        return [self._record("query", call) for call in calls]

    def _record(self, kind: str, call: FunctionCall) -> Outcome:
        self.calls.append((kind, call))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Api:
    """The API over a recorded backend, called without a socket."""

    def __init__(self, **options: Any) -> None:
        self.backend = RecordedBackend()
        backend = cast(Backend, self.backend)
        authenticator = Authenticator(AdminKey("test", "secret"), NoTokens(is_redacted=False))
        self._app = Starlette(
            routes=HttpApi(
                backend, authenticator, SystemClock(), "1.2.3", backend.run_function, **options
            ).routes()
        )

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    def post(self, path: str, body: Mapping[str, Any], **options: Any) -> httpx.Response:
        return self.request("POST", path, json=body, **options)

    @property
    def call(self) -> FunctionCall:
        """The one call that reached the backend."""
        ((_, call),) = self.backend.calls
        return call


@pytest.fixture
def api() -> Api:
    return Api()


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of an error; check its shape."""
    body = response.json()
    assert set(body) == {"code", "message"}
    assert body["message"]
    return response.status_code, body["code"]


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


VALUE = (
    b'{"big":{"$integer":"AQAAAAAAAAA="},"raw":{"$bytes":"AAAA"},"x":1.5,'
    b'"zero":{"$float":"AAAAAAAAAIA="}}'
)


@pytest.mark.parametrize("name", [None, "json", "convex_clean_json", "export_json"])
def test_value_is_clean_json_by_default(api: Api, name: str | None) -> None:
    api.backend.answer = QueryResult(VALUE, None)

    response = api.post("/api/query", {"path": "m:f", "format": name})

    assert response.json()["value"] == {"big": "1", "raw": "AAAA", "x": 1.5, "zero": -0.0}


@pytest.mark.parametrize("name", ["convex_encoded_json", "convex_json"])
def test_value_is_encoded_json_where_asked_for(api: Api, name: str) -> None:
    api.backend.answer = QueryResult(VALUE, None)

    response = api.post("/api/query", {"path": "m:f", "format": name})

    assert response.json()["value"] == json.loads(VALUE)


def test_python_client_gets_numbers_with_a_decimal_point(api: Api) -> None:
    api.backend.answer = QueryResult(
        b'{"a":[5,-3,1.5],"t":"7","z":{"$integer":"AQAAAAAAAAA="}}', None
    )
    body = {"path": "m:f", "format": "convex_encoded_json"}

    python = api.post("/api/query", body, headers={"Convex-Client": "python-0.8.1"})
    npm = api.post("/api/query", body, headers={"Convex-Client": "npm-1.48.0"})

    assert python.json() == npm.json()
    assert '"a":[5.0,-3.0,1.5]' in python.text
    assert '"a":[5,-3,1.5]' in npm.text


def test_value_without_special_values_is_not_touched() -> None:
    encoded = b'{"a":[1,2.5,"x$y"]}'

    assert clean_json(encoded) is encoded


def test_text_that_looks_like_a_special_value_is_kept(api: Api) -> None:
    api.backend.answer = QueryResult(json.dumps({"text": '"$integer"'}).encode(), None)

    assert api.post("/api/query", {"path": "m:f"}).json()["value"] == {"text": '"$integer"'}


def test_log_lines_are_there_only_if_there_are_any(api: Api) -> None:
    api.backend.answer = QueryResult(b"1", None, ("[LOG] 'hi'",))

    assert api.post("/api/query", {"path": "m:f"}).json() == {
        "status": "success",
        "value": 1,
        "logLines": ["[LOG] 'hi'"],
    }


def test_failed_function_is_an_ordinary_answer(api: Api) -> None:
    api.backend.answer = MutationOutcome(None, ClientError("Server Error\nboom"), 5, ("[LOG] 1",))

    response = api.post("/api/mutation", {"path": "m:f"})

    assert response.status_code == 200
    assert response.json() == {
        "status": "error",
        "errorMessage": "Server Error\nboom",
        "logLines": ["[LOG] 1"],
    }


@pytest.mark.parametrize(
    ("data", "shown"), [(b"null", None), (b'{"n":{"$integer":"AQAAAAAAAAA="}}', {"n": "1"})]
)
def test_data_of_an_application_error_is_in_the_asked_format(
    api: Api, data: bytes, shown: Any
) -> None:
    api.backend.answer = QueryResult(None, ClientError("x", data))

    clean = api.post("/api/query", {"path": "m:f"}).json()
    encoded = api.post("/api/query", {"path": "m:f", "format": "convex_encoded_json"}).json()

    assert clean == {"status": "error", "errorMessage": "x", "errorData": shown}
    assert encoded["errorData"] == json.loads(data)


def test_request_id_of_the_call_is_returned(api: Api) -> None:
    response = api.post("/api/query", {"path": "m:f"})

    assert api.call.request_id is not None
    assert len(api.call.request_id) == 16
    assert response.headers["convex-request-id"] == api.call.request_id


@pytest.mark.parametrize(("given", "is_used"), [("0123456789abcdef", True), ("x\tlog", False)])
def test_request_id_of_the_client_is_used_if_it_is_one(api: Api, given: str, is_used: bool) -> None:
    api.post("/api/query", {"path": "m:f"}, headers={"convex-request-id": given})

    assert (api.call.request_id == given) is is_used


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "BadJsonBody"),
        (b"{", "BadJsonBody"),
        (b"[]", "BadJsonBody"),
        (b'{"args":{}}', "BadJsonBody"),
        (b'{"path":1,"args":{}}', "BadJsonBody"),
        (b'{"path":"m:f","args":{,}}', "BadJsonBody"),
        (b'{"path":"m:\xff"}', "BadJsonBody"),
        (b"[" * 100_000, "BadJsonBody"),
        (b'{"path":"m:f","args":{},"format":"xml"}', "BadFormat"),
        (b'{"path":"m:","args":{}}', "BadConvexFunctionIdentifier"),
        (b'{"path":"../m:f","args":{}}', "BadConvexFunctionIdentifier"),
    ],
)
def test_bad_body_is_refused(api: Api, body: bytes, code: str) -> None:
    assert refusal(api.request("POST", "/api/mutation", content=body)) == (400, code)
    assert api.backend.calls == []


def test_bad_path_is_named_in_the_words_of_the_contract(api: Api) -> None:
    message = api.post("/api/query", {"path": "m f"}).json()["message"]

    assert message.startswith("m f is not a valid path to a Convex function.")


def call_of_size(size_bytes: int) -> bytes:
    head, tail = b'{"path":"m:f","args":{"x":"', b'"}}'
    return head + b"x" * (size_bytes - len(head) - len(tail)) + tail


def in_parts(body: bytes) -> Any:
    async def parts() -> Any:
        for start in range(0, len(body), 1 << 20):
            yield body[start : start + (1 << 20)]

    return parts()


def test_body_up_to_the_limit_is_accepted(api: Api) -> None:
    body = call_of_size(MAX_BODY_BYTES)

    assert api.request("POST", "/api/query", content=body).status_code == 200


@pytest.mark.parametrize("is_chunked", [False, True])
def test_body_over_the_limit_is_refused(api: Api, is_chunked: bool) -> None:
    body = call_of_size(MAX_BODY_BYTES + 1)

    response = api.request("POST", "/api/query", content=in_parts(body) if is_chunked else body)

    assert refusal(response) == (400, "BodyTooLarge")
    assert api.backend.calls == []


def test_body_over_the_limit_is_not_read_to_its_end(api: Api) -> None:
    part, taken = b"x" * (1 << 20), 0

    async def endless() -> Any:
        nonlocal taken
        while taken < 64:
            taken += 1
            yield part

    assert refusal(api.request("POST", "/api/query", content=endless()))[0] == 400
    assert taken <= 18


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OverloadedError("busy"), (503, "TooManyConcurrentRequests")),
        (OverloadedError("late", code="ExpiredInQueue"), (503, "ExpiredInQueue")),
        (StorageFullError("full"), (503, "StorageFull")),
        (UnavailableError("stopping"), (503, "InternalServerError")),
    ],
)
def test_call_that_was_not_taken_is_503_with_its_code(
    api: Api, error: Exception, expected: tuple[int, str]
) -> None:
    api.backend.answer = error

    response = api.post("/api/mutation", {"path": "m:f"})

    assert refusal(response) == expected
    assert response.json()["message"] == str(error)


def test_fault_of_ours_tells_nothing_but_is_logged(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.backend.answer = ZeroDivisionError("secret detail")

    response = api.post("/api/query", {"path": "m:f"})

    assert refusal(response) == (500, "InternalServerError")
    assert "secret detail" not in response.text
    assert "secret detail" in caplog.text


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


@pytest.mark.parametrize(
    ("client", "is_encoded"),
    [
        ("npm-1.4.0", True),
        ("npm-1.4.1", False),
        ("npm-cli-1.3.0", True),
        ("actions-1.0.0", True),
        ("python-0.4.9", True),
        ("python-0.5.0", False),
        ("rust-0.1.0", False),
        ("npm-x", False),
        (None, False),
    ],
)
def test_old_clients_get_encoded_values_if_they_name_no_format(
    api: Api, client: str | None, is_encoded: bool
) -> None:
    api.backend.answer = QueryResult(b'{"$bytes":"AAAA"}', None)
    headers = {} if client is None else {"convex-client": client}

    value = api.post("/api/query", {"path": "m:f"}, headers=headers).json()["value"]

    assert value == ({"$bytes": "AAAA"} if is_encoded else "AAAA")


def test_component_path_is_passed_on_for_admins(api: Api) -> None:
    body = {"path": "m:f", "componentPath": ""}

    api.post("/api/function", body, headers=ADMIN_HEADER)

    assert api.call.component_path == ""


def test_refusals_carry_the_id_of_the_request_too(api: Api) -> None:
    api.backend.answer = OverloadedError("full", code="ExpiredInQueue")
    headers = {"convex-request-id": "0123456789abcdef"}

    response = api.post("/api/query", {"path": "m:f"}, headers=headers)

    assert response.headers["convex-request-id"] == "0123456789abcdef"


def test_id_of_the_request_is_in_the_log_of_a_fault(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.backend.answer = KeyError("secret")

    response = api.post("/api/query", {"path": "m:f"})

    assert f"[Request ID: {response.headers['convex-request-id']}]" in caplog.text


def test_call_that_takes_too_long_is_given_up() -> None:
    api = Api(request_seconds=0.01)
    api.backend.never_answers = True

    response = api.post("/api/query", {"path": "m:f"})

    assert refusal(response) == (503, "SystemTimeoutError")
    assert "look before you repeat it" in response.json()["message"]


def test_client_that_is_too_old_is_told_so(api: Api) -> None:
    response = api.post("/api/query", {"path": "m:f"}, headers={"convex-client": "npm-0.19.1"})

    assert response.status_code == 200
    assert response.headers["x-convex-deprecation-state"] == "Deprecated"
