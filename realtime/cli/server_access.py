"""How commands reach a running server: its address, the admin key, one call."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import SplitResult, urlsplit

from realtime.errors import RealtimeError, ValidationError
from realtime.runtime.function_path import canonical_path
from realtime.server.admin_key import ENVIRONMENT_VARIABLE, parse_admin_key, read_admin_key
from realtime.storage.data_directory import DEFAULT_NAME

FAILED: Final = 1
WRONG_USAGE: Final = 2

_TIMEOUT_SECONDS: Final = 300.0


class CommandError(Exception):
    """A reason to stop, in one line, as the user reads it."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def check_path(path: str) -> None:
    """Refuse what cannot be the path of a function."""
    try:
        canonical_path(path)
    except ValidationError as error:
        raise CommandError(
            f"Expected a function such as `messages:list`, got `{path}`", WRONG_USAGE
        ) from error


def parse_arguments(text: str) -> dict[str, Any]:
    """Return the arguments of a function as given on the command line."""
    try:
        parsed: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"The arguments are no JSON: {error}", WRONG_USAGE) from error
    if not isinstance(parsed, dict):
        raise CommandError(f"Expected the arguments as a JSON object, got {text}", WRONG_USAGE)
    return cast("dict[str, Any]", parsed)


def find_admin_key(given: str | None) -> str:
    """Return the key that was given, or the one of the environment or of this folder."""
    key = find_optional_admin_key(given)
    if key is None:
        raise CommandError(
            f"There is no admin key. Give one with --admin-key or {ENVIRONMENT_VARIABLE}, or run "
            f"this in the folder of an app that has been served (its key is in {DEFAULT_NAME}/)",
            WRONG_USAGE,
        )
    return key


def find_optional_admin_key(given: str | None) -> str | None:
    """Return the key as `find_admin_key` does, None if there is none."""
    try:
        key = given or read_admin_key(os.environ, Path(DEFAULT_NAME))
        if key is None:
            return None
        place = "--admin-key" if given else f"{ENVIRONMENT_VARIABLE} or {DEFAULT_NAME}"
        return parse_admin_key(key, place).text
    except RealtimeError as error:
        raise CommandError(str(error), WRONG_USAGE) from error


def parse_url(url: str) -> SplitResult:
    """Return the parts of the address of a server."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # it is parsed when it is read
        _ = (parts.hostname or "").encode("idna")  # names are looked up in this form
    except ValueError as error:
        raise CommandError(f"Expected an address, got {url!r}: {error}", WRONG_USAGE) from error
    is_complete = parts.scheme in ("http", "https") and parts.hostname
    if not is_complete or not parts.path.isascii() or not url.isprintable() or " " in url:
        raise CommandError(
            f"Expected an address such as http://127.0.0.1:3210, got {url!r}", WRONG_USAGE
        )
    return parts


def unreachable(url: str, error: Exception) -> CommandError:
    """Return what to tell when nobody answers at an address."""
    reason = getattr(error, "strerror", None) or error or type(error).__name__
    return CommandError(
        f"Cannot reach a server at {url} ({reason}). Is `realtime dev` running there?"
    )


def call_function(
    url: str, admin_key: str, path: str, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the answer to a call of any function, a success or a failure (contract 2.2)."""
    body = json.dumps({"path": path, "args": arguments, "format": "json"}).encode()
    connection, prefix = _connection(parse_url(url))
    headers = {
        "Authorization": f"Convex {admin_key}".encode(),  # as bytes, whatever letters it has
        "Content-Type": b"application/json",
    }
    try:
        connection.request("POST", f"{prefix}/api/function", body, headers)
        response = connection.getresponse()
        text = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise unreachable(url, error) from error
    finally:
        connection.close()
    answer = _parse_answer(text)
    if response.status != http.client.OK or "status" not in answer:
        if "message" in answer:
            raise CommandError(f"{url} refused the call: {answer['message']}")
        raise CommandError(
            f"{url} did not answer like a realtime server ({response.status} {response.reason}). "
            "Name the address of one with --url"
        )
    return answer


def _connection(parts: SplitResult) -> tuple[http.client.HTTPConnection, str]:
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    assert parts.hostname is not None
    return kind(parts.hostname, parts.port, timeout=_TIMEOUT_SECONDS), parts.path.rstrip("/")


def _parse_answer(text: bytes) -> dict[str, Any]:
    try:
        answer = cast(object, json.loads(text))
    except ValueError:
        return {}
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
