"""`realtime watch`: a live query in the terminal."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from typing import Any

from realtime.cli.known_functions import unknown_function
from realtime.cli.server_access import (
    FAILED,
    CommandError,
    check_path,
    find_optional_admin_key,
    parse_arguments,
    parse_url,
)
from realtime.client import AdminKey, Client
from realtime.client.together import run_together
from realtime.errors import (
    ApplicationError,
    AuthenticationError,
    FunctionError,
    ProtocolError,
    UnavailableError,
    ValidationError,
)
from realtime.values.json_encoding import clean_value, decode_value


def watch_function(
    path: str, arguments: str, url: str, admin_key: str | None, *, as_json: bool
) -> int:
    """Print each new result of a query until Ctrl-C; return the exit code of the command.

    With the admin key internal queries too; without one, what anybody may see.
    """
    logging.getLogger("realtime.client").addHandler(logging.NullHandler())  # it is told here
    try:
        key = find_optional_admin_key(admin_key)
        parse_url(url)
        check_path(path)
        args = decode_value(parse_arguments(arguments))
        asyncio.run(_Watcher(path, args, url, key, as_json=as_json).run())
    except (CommandError, ValidationError, UnavailableError) as error:
        print(f"realtime watch: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, CommandError) else FAILED
    except (AuthenticationError, ProtocolError) as error:
        print(f"realtime watch: The server refused: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # who read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


class _Watcher:
    """Prints what is new; a function that does not exist at first is a mistake of the user's."""

    def __init__(
        self, path: str, args: Any, url: str, admin_key: str | None, *, as_json: bool
    ) -> None:
        self._path = path
        self._args = args
        self._url = url
        self._admin_key = admin_key
        self._indent = None if as_json else 2

    async def run(self) -> None:
        auth = None if self._admin_key is None else AdminKey(self._admin_key)
        async with Client(self._url, auth=auth, connect_timeout_seconds=0) as client:
            await run_together(self._show_results(client), self._follow_status(client))

    async def _show_results(self, client: Client) -> None:
        is_first = True
        async with client.watch(self._path, self._args) as results:
            while True:
                try:
                    value = clean_value(await anext(results))
                except (ApplicationError, FunctionError) as error:
                    await self._show_failure(error.message, is_first=is_first)
                else:
                    text = json.dumps(value, indent=self._indent, ensure_ascii=False)
                    print(text, flush=True)
                is_first = False

    async def _show_failure(self, message: str, *, is_first: bool) -> None:
        if is_first:
            unknown = await asyncio.to_thread(
                unknown_function, message, self._path, self._url, self._admin_key
            )
            if unknown is not None:
                raise CommandError(unknown)
        print(message, file=sys.stderr)

    async def _follow_status(self, client: Client) -> None:
        """Tell of interruptions; a key that was taken away ends all, or nobody would notice."""
        was_connected = True
        async for status in client.statuses():
            if self._admin_key is not None and not status.is_authenticated:
                raise CommandError("The server refused: the admin key is not accepted any more")
            if status.connection == "reconnecting" and was_connected:
                print(f"The connection was lost ({status.reason}); trying again", file=sys.stderr)
            was_connected = status.connection == "connected"
