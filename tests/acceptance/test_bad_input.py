"""Whatever a peer sends, it gets a clear answer, and nobody else notices.

The server is the real program with its chat app. Around each test another client watches a list:
it must hear nothing while the test runs, and of the next message at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.conftest import StartServer
from tests.harness.server_process import ServerProcess
from tests.harness.sync_socket import SyncSocket

MIB = 1 << 20
ENVELOPE = re.compile(r"\[Request ID: [0-9a-f]{16}\] Server Error\n")
BASE_ARGS = {"role": "user", "content": "hello"}


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The chat app on a server that tells errors openly."""
    server = ServerProcess(tmp_path_factory.mktemp("bad_input") / "data", command="dev")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def demo(open_server: ServerProcess) -> Mapping[str, str]:
    """The ids of the demo data."""
    ids: dict[str, str] = open_server.run("seed:demo")
    return ids


@pytest.fixture
def bystander(open_server: ServerProcess, demo: Mapping[str, str]) -> Iterator[SyncSocket]:
    """Another client, which must not notice what the test does."""
    pid = open_server.pid
    session = {"repoId": demo["repoId"], "userId": "bystander"}
    session_id = open_server.run("sessions:create", session)
    with SyncSocket(open_server.url).greet() as socket:
        socket.add_query(0, "messages:list", [{"sessionId": session_id}])
        assert socket.receive_result(0)["value"] == []
        yield socket
        message = {"sessionId": session_id, "role": "user", "content": "after"}
        open_server.run("messages:send", message)
        (modification,) = socket.receive()["modifications"]
        assert [message["content"] for message in modification["value"]] == ["after"]
    assert open_server.pid == pid
    assert open_server.exit_code is None


pytestmark = pytest.mark.usefixtures("bystander")


def call_over_http(server: ServerProcess, kind: str, path: str, args: Any) -> str:
    """Return the error text of a call over HTTP."""
    body = {"path": path, "args": args, "format": "convex_encoded_json"}
    response = httpx.post(f"{server.url}/api/{kind}", json=body, timeout=30)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["status"] == "error", answer
    assert "errorData" not in answer
    return str(answer["errorMessage"])


def call_over_socket(server: ServerProcess, kind: str, path: str, args: Any) -> str:
    """Return the error text of a call over a socket."""
    args = args if isinstance(args, list) else [args]
    with SyncSocket(server.url).greet() as socket:
        if kind == "query":
            socket.add_query(0, path, args)
            result = socket.receive_result(0)
            assert result["type"] == "QueryFailed", result
            assert "errorData" not in result
            return str(result["errorMessage"])
        socket.mutate(0, path, args)
        response = socket.receive_type("MutationResponse")
        assert response["success"] is False, response
        assert response["ts"] is None
        assert "errorData" not in response
        return str(response["result"])


MISSING = "Could not find public function for '{}'. Did you forget to run `npx convex dev`?"
BAD_CALLS = {
    "unknown function": ("query", "messages:lst", {}, MISSING.format("messages:lst")),
    "unknown module": ("mutation", "mesages:send", {}, MISSING.format("mesages:send")),
    "internal function": ("mutation", "seed:demo", {}, MISSING.format("seed:demo")),
    "mutation as query": (
        "query",
        "messages:send",
        BASE_ARGS,
        "Trying to execute messages.js:send as Query, but it is defined as Mutation.",
    ),
    "query as mutation": (
        "mutation",
        "messages:list",
        {},
        "Trying to execute messages.js:list as Mutation, but it is defined as Query.",
    ),
    "missing argument": (
        "mutation",
        "messages:send",
        {"sessionId": "$sessionId", "role": "user"},
        "ArgumentValidationError: Object is missing the required field `content`. Consider"
        " wrapping the field validator in `v.optional(...)` if this is expected.",
    ),
    "extra argument": (
        "mutation",
        "messages:send",
        {"sessionId": "$sessionId", **BASE_ARGS, "loud": True},
        "ArgumentValidationError: Object contains extra field `loud` that is not in the validator.",
    ),
    "ill-typed argument": (
        "mutation",
        "messages:send",
        {"sessionId": "$sessionId", "role": "user", "content": 5},
        "ArgumentValidationError: Value does not match validator.\n"
        "Path: .content\nValue: 5.0\nValidator: v.string()",
    ),
    "null argument": (
        "mutation",
        "messages:send",
        {"sessionId": "$sessionId", "role": "user", "content": None},
        "ArgumentValidationError: Value does not match validator.\n"
        "Path: .content\nValue: null\nValidator: v.string()",
    ),
    "literal out of its set": (
        "mutation",
        "messages:send",
        {"sessionId": "$sessionId", "role": "robot", "content": ""},
        "ArgumentValidationError: Value does not match validator.\nPath: .role\n"
        'Value: "robot"\nValidator: v.union(v.literal("user"), v.literal("assistant"))',
    ),
    "id of another table": (
        "query",
        "messages:list",
        {"sessionId": "$repoId"},
        'ArgumentValidationError: Found ID "$repoId" from table `repos`, which does not match the'
        ' table name in validator `v.id("sessions")`.',
    ),
    "no id": (
        "query",
        "messages:list",
        {"sessionId": "nonsense"},
        "ArgumentValidationError: Value does not match validator.\n"
        'Path: .sessionId\nValue: "nonsense"\nValidator: v.id("sessions")',
    ),
    "two arguments": (
        "query",
        "messages:list",
        [{"sessionId": "$sessionId"}, {}],
        "ArgumentValidationError: Expected to receive a single object as the function's argument."
        " Instead received 2 arguments: ",
    ),
    "no object": (
        "query",
        "messages:list",
        ["$sessionId"],
        "ArgumentValidationError: Expected to receive an object as the function's argument."
        " Instead received: ",
    ),
    "undecodable argument": (
        "mutation",
        "messages:send",
        {"sessionId": "$sessionId", "role": "user", "content": {"$integer": "?"}},
        "Invalid arguments for messages.js:send: ",
    ),
}


def filled(template: Any, ids: Mapping[str, str]) -> Any:
    """Return a template with the names of ids replaced by the ids."""
    match template:
        case str():
            for name, value in ids.items():
                template = template.replace(f"${name}", value)
            return template
        case dict():
            return {name: filled(value, ids) for name, value in template.items()}
        case list():
            return [filled(value, ids) for value in template]
        case _:
            return template


@pytest.mark.parametrize("case", BAD_CALLS)
@pytest.mark.parametrize("call", [call_over_http, call_over_socket], ids=["http", "socket"])
def test_bad_call_gets_the_text_of_the_contract(
    open_server: ServerProcess, demo: Mapping[str, str], call: Any, case: str
) -> None:
    kind, path, args, expected = BAD_CALLS[case]

    text = call(open_server, kind, path, filled(args, demo))

    envelope = ENVELOPE.match(text)
    assert envelope, text
    assert text[envelope.end() :].startswith(filled(expected, demo))
    assert text.endswith("\n"), "Clients expect a line break after the text"


def test_arguments_that_are_a_text_get_the_text_of_the_contract(
    open_server: ServerProcess,
) -> None:
    text = call_over_http(open_server, "query", "messages:list", "x")

    assert (
        "ArgumentValidationError: Expected to receive an object as the function's argument."
        " Instead received: " in text
    )


def test_error_text_is_redacted_outside_of_development(start_server: StartServer) -> None:
    server = start_server()

    text = call_over_http(server, "query", "messages:list", {"sessionId": 5})

    assert re.fullmatch(r"\[Request ID: [0-9a-f]{16}\] Server Error", text)


@pytest.mark.parametrize(
    ("command", "options", "variable", "is_redacted"),
    [
        ("serve", (), "0", False),
        ("dev", (), "1", True),
        ("serve", ("--redact-errors",), "0", True),
    ],
)
def test_environment_chooses_what_clients_read_unless_an_option_does(
    start_server: StartServer,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    options: tuple[str, ...],
    variable: str,
    is_redacted: bool,
) -> None:
    monkeypatch.setenv("REALTIME_REDACT_ERRORS", variable)
    server = start_server(command=command, options=options)

    text = call_over_http(server, "query", "messages:list", {"sessionId": 5})

    assert ("ArgumentValidationError" not in text) == is_redacted


BAD_BODIES = {
    "no JSON": b"{path: messages:list}",
    "cut JSON": b'{"path": "messages:list", "args": {"sess',
    "empty": b"",
    "no object": b'["messages:list"]',
    "no path": b'{"args": {}}',
    "path is a number": b'{"path": 5, "args": {}}',
    "path is no path": b'{"path": "../messages:list", "args": {}}',
    "invalid UTF-8": b'{"path": "messages:\xff", "args": {}}',
    "unknown format": b'{"path": "messages:list", "args": {}, "format": "yaml"}',
    "endless nesting": b'{"path": "messages:list", "args": {"sessionId": ' + b"[" * 100_000,
}


@pytest.mark.parametrize("case", BAD_BODIES)
@pytest.mark.parametrize("route", ["query", "mutation"])
def test_malformed_body_is_a_bad_request_with_a_reason(
    open_server: ServerProcess, route: str, case: str
) -> None:
    headers = {"Content-Type": "application/json"}
    response = httpx.post(
        f"{open_server.url}/api/{route}", content=BAD_BODIES[case], headers=headers, timeout=30
    )

    assert response.status_code == 400
    assert re.fullmatch("[A-Z][A-Za-z]+", response.json()["code"])
    assert response.json()["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (BAD_BODIES["unknown format"], "BadFormat"),
        (BAD_BODIES["path is no path"], "BadConvexFunctionIdentifier"),
    ],
)
def test_bad_request_has_the_code_of_the_contract(
    open_server: ServerProcess, body: bytes, code: str
) -> None:
    response = httpx.post(f"{open_server.url}/api/query", content=body, timeout=30)

    assert response.json()["code"] == code


def test_body_over_the_limit_is_refused(open_server: ServerProcess) -> None:
    args = {"sessionId": "x" * (17 * MIB)}
    body = {"path": "messages:list", "args": args}

    response = httpx.post(f"{open_server.url}/api/query", json=body, timeout=30)

    assert response.status_code in (400, 413)
    assert response.json()["message"]


@pytest.mark.parametrize("header", [None, "Convex wrong|key", "Convex", "Bearer x.y.z"], ids=str)
def test_administrator_route_refuses_strangers(
    open_server: ServerProcess, header: str | None
) -> None:
    response = httpx.post(
        f"{open_server.url}/api/function",
        json={"path": "seed:demo", "args": {}},
        headers={"Authorization": header} if header else {},
        timeout=30,
    )

    assert response.status_code in (400, 401, 403)
    assert response.json()["code"]


BAD_FRAMES: Mapping[str, str | bytes] = {
    "no JSON": "hello",
    "cut JSON": '{"type": "Conn',
    "empty": "",
    "no object": "[]",
    "no type": "{}",
    "unknown type": '{"type": "Nonsense"}',
    "mutation without members": '{"type": "Mutation"}',
    "request id is a text": '{"type":"Mutation","requestId":"1","udfPath":"a:b","args":[{}]}',
    "negative request id": '{"type":"Mutation","requestId":-1,"udfPath":"a:b","args":[{}]}',
    "unknown modification": '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,'
    '"modifications":[{"type":"Change","queryId":0}]}',
    "removal of an unknown query": '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,'
    '"modifications":[{"type":"Remove","queryId":7}]}',
    "wrong base version": '{"type":"ModifyQuerySet","baseVersion":5,"newVersion":6,'
    '"modifications":[]}',
    "wrong base identity": '{"type":"Authenticate","baseVersion":5,"tokenType":"None"}',
    "endless nesting": '{"type":"Event","eventType":"x","event":' + "[" * 100_000,
    "binary": b'{"type":"Event","eventType":"x","event":1}',
    "binary that is no text": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("case", BAD_FRAMES)
def test_malformed_frame_ends_its_socket_with_a_reason(
    open_server: ServerProcess, case: str
) -> None:
    with SyncSocket(open_server.url).greet() as socket:
        socket.connection.send(BAD_FRAMES[case])

        messages, closed = socket.receive_end()

    told = [message["error"] for message in messages if message["type"] == "FatalError"]
    assert told or closed.reason
    assert closed.code in (1002, 1003, 1007, 1008, 1011)


def test_wrong_base_version_is_told_in_the_words_of_the_contract(
    open_server: ServerProcess,
) -> None:
    with SyncSocket(open_server.url).greet() as socket:
        socket.connection.send(BAD_FRAMES["wrong base version"])

        messages, _ = socket.receive_end()

    (message,) = messages
    assert message["type"] == "FatalError"
    assert "Base version 5 passed up doesn't match the current version 0" in message["error"]


def test_text_frame_that_is_not_utf8_ends_its_socket(open_server: ServerProcess) -> None:
    with SyncSocket(open_server.url).greet() as socket:
        socket.connection.send(b'{"type": "\xff"}', text=True)

        _, closed = socket.receive_end()

    assert closed.code == 1007


def event_of_size(size_bytes: int) -> str:
    """Return a message of exactly this size that asks for nothing."""
    head, tail = '{"type":"Event","eventType":"x","event":"', '"}'
    return head + "x" * (size_bytes - len(head) - len(tail)) + tail


def test_message_of_20_mb_ends_its_socket_with_1009_and_a_reason(
    open_server: ServerProcess,
) -> None:
    with SyncSocket(open_server.url).greet() as socket:
        socket.connection.send(event_of_size(20_000_000))

        _, closed = socket.receive_end()

    assert closed.code == 1009
    assert closed.reason


def test_message_of_17_mib_is_accepted(open_server: ServerProcess, demo: Mapping[str, str]) -> None:
    with SyncSocket(open_server.url).greet() as socket:
        socket.connection.send(event_of_size(17 * MIB))
        socket.add_query(0, "projects:get", [{"repoId": demo["repoId"]}])

        result = socket.receive_result(0)

    assert result["value"]["_id"] == demo["repoId"]


def test_argument_that_is_too_large_fails_its_mutation_only(
    open_server: ServerProcess, demo: Mapping[str, str]
) -> None:
    large = {"sessionId": demo["sessionId"], "role": "user", "content": "x" * (2 * MIB)}
    with SyncSocket(open_server.url).greet() as socket:
        socket.mutate(0, "messages:send", [large])
        response = socket.receive_type("MutationResponse")
        socket.mutate(1, "sessions:updateLastActive", [{"sessionId": demo["sessionId"]}])
        next_response = socket.receive_type("MutationResponse")

    assert response["success"] is False
    assert "too large" in response["result"]
    assert next_response["success"] is True
