"""`realtime watch`: a live query in the terminal."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import assert_never

from realtime.cli.known_functions import unknown_function
from realtime.cli.live_query import Failure, Interruption, LiveQuery, News, Value, watch_query
from realtime.cli.server_access import CommandError, parse_arguments
from realtime.server.admin_key import read_admin_key
from realtime.server.value_format import clean_json
from realtime.storage.data_directory import DEFAULT_NAME


def watch_function(
    path: str, arguments: str, url: str, admin_key: str | None, *, as_json: bool
) -> int:
    """Print each new result of a query until Ctrl-C; return the exit code of the command.

    With the admin key internal queries too; without one, what anybody may see.
    """
    key = admin_key or read_admin_key(os.environ, Path(DEFAULT_NAME))
    try:
        query = LiveQuery(path, parse_arguments(arguments), key)
        printer = _Printer(path, url, key, as_json=as_json)
        watch_query(query, url, printer.show)
    except CommandError as error:
        print(f"realtime watch: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # who read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


class _Printer:
    """Prints what is new; a function that does not exist at first is a mistake of the user's."""

    def __init__(self, path: str, url: str, admin_key: str | None, *, as_json: bool) -> None:
        self._path = path
        self._url = url
        self._admin_key = admin_key
        self._indent = None if as_json else 2
        self._is_first = True

    def show(self, news: News) -> None:
        match news:
            case Value(encoded):
                value = json.loads(clean_json(encoded))
                print(json.dumps(value, indent=self._indent, ensure_ascii=False), flush=True)
            case Failure(message):
                self._show_failure(message)
            case Interruption(reason):
                print(f"The connection was lost ({reason}); trying again", file=sys.stderr)
            case _:
                assert_never(news)
        self._is_first = False

    def _show_failure(self, message: str) -> None:
        if self._is_first:
            unknown = unknown_function(message, self._path, self._url, self._admin_key)
            if unknown is not None:
                raise CommandError(unknown)
        print(message, file=sys.stderr)
