"""`realtime run`: one call of a function of a running server, as its admin."""

from __future__ import annotations

import http.client
import json
import os
import sys
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

from realtime.cli.data_directory import DEFAULT_NAME
from realtime.server.admin_key import ENVIRONMENT_VARIABLE, read_admin_key

FAILED: Final = 1
WRONG_USAGE: Final = 2

_TIMEOUT_SECONDS: Final = 300.0


class _CommandError(Exception):
    """A reason to stop, as the user reads it."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run_function(path: str, arguments: str, url: str, admin_key: str | None) -> int:
    """Call a function and print what it returns; return the exit code of the command.

    The value goes to stdout as JSON; the function's log lines and all errors go to stderr.
    """
    try:
        body = _request_body(path, arguments)
        answer = _post(url, body, admin_key or _find_admin_key())
    except _CommandError as error:
        print(f"realtime run: {error}", file=sys.stderr)
        return error.exit_code
    for line in answer.get("logLines", []):
        print(line, file=sys.stderr)
    if answer.get("status") != "success":
        print(str(answer.get("errorMessage", "The call failed")).rstrip(), file=sys.stderr)
        if "errorData" in answer:
            print(f"Data: {json.dumps(answer['errorData'], ensure_ascii=False)}", file=sys.stderr)
        return FAILED
    print(json.dumps(answer["value"], indent=2, ensure_ascii=False))
    return 0


def _request_body(path: str, arguments: str) -> bytes:
    try:
        parsed: Any = json.loads(arguments)
    except ValueError as error:
        raise _CommandError(f"The arguments are no JSON: {error}", WRONG_USAGE) from error
    if not isinstance(parsed, dict):
        raise _CommandError(
            f"Expected the arguments as a JSON object, got {arguments}", WRONG_USAGE
        )
    return json.dumps({"path": path, "args": parsed, "format": "json"}).encode()


def _find_admin_key() -> str:
    key = read_admin_key(os.environ, Path(DEFAULT_NAME))
    if key is None:
        raise _CommandError(
            f"There is no admin key. Give one with --admin-key or {ENVIRONMENT_VARIABLE}, or run "
            f"this in the folder of an app that has been served (its key is in {DEFAULT_NAME}/)",
            WRONG_USAGE,
        )
    return key


def _post(url: str, body: bytes, admin_key: str) -> dict[str, Any]:
    connection, prefix = _connection(url)
    headers = {"Authorization": f"Convex {admin_key}", "Content-Type": "application/json"}
    try:
        connection.request("POST", f"{prefix}/api/function", body, headers)
        response = connection.getresponse()
        text = response.read()
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or error or type(error).__name__
        raise _CommandError(
            f"Cannot reach a server at {url} ({reason}). Is `realtime dev` running there?"
        ) from error
    finally:
        connection.close()
    answer = _parse_answer(text)
    if response.status != http.client.OK or "status" not in answer:
        reason = answer.get("message") or f"{response.status} {response.reason}"
        raise _CommandError(f"{url} refused the call: {reason}")
    return answer


def _connection(url: str) -> tuple[http.client.HTTPConnection, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _CommandError(f"Expected an address, got {url}: {error}", WRONG_USAGE) from error
    if parts.scheme not in ("http", "https") or not host:
        raise _CommandError(
            f"Expected an address such as http://127.0.0.1:3210, got {url}", WRONG_USAGE
        )
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(host, port, timeout=_TIMEOUT_SECONDS), parts.path.rstrip("/")


def _parse_answer(text: bytes) -> dict[str, Any]:
    try:
        answer = cast(object, json.loads(text))
    except ValueError:
        return {}
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
