"""`realtime run`: one call of a function of a running server, as its admin."""

from __future__ import annotations

import json
import sys

from realtime.cli.known_functions import unknown_function
from realtime.cli.server_access import (
    FAILED,
    CommandError,
    call_function,
    check_path,
    find_admin_key,
    parse_arguments,
)


def run_function(
    path: str, arguments: str, url: str, admin_key: str | None, *, as_json: bool = False
) -> int:
    """Call a function and print what it returns; return the exit code of the command.

    The value goes to stdout as JSON, in one line if `as_json`; the function's log lines and all
    errors go to stderr.
    """
    try:
        check_path(path)
        parsed = parse_arguments(arguments)
        key = find_admin_key(admin_key)
        answer = call_function(url, key, path, parsed)
        message = str(answer.get("errorMessage", "The call failed")).rstrip()
        if answer["status"] != "success":
            unknown = unknown_function(message, path, url, key)
            if unknown is not None:
                raise CommandError(unknown)
    except CommandError as error:
        print(f"realtime run: {error}", file=sys.stderr)
        return error.exit_code
    for line in answer.get("logLines", []):
        print(line, file=sys.stderr)
    if answer.get("status") != "success":
        print(message, file=sys.stderr)
        if "errorData" in answer:
            print(f"Data: {json.dumps(answer['errorData'], ensure_ascii=False)}", file=sys.stderr)
        return FAILED
    print(json.dumps(answer["value"], indent=None if as_json else 2, ensure_ascii=False))
    return 0
