"""`realtime data`: the tables of a running server, or the documents of one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

from realtime.cli.server_access import CommandError, call_function, find_admin_key
from realtime.values.nearest import suggestion

Order = Literal["asc", "desc"]

_TABLES: Final = "_system/cli/tables"
_DOCUMENTS: Final = "_system/cli/tableData"
_FIRST_FIELDS: Final = ("_id", "_creationTime")
_PAGE_DOCUMENTS: Final = 500
_READ_ONLY_TABLES: Final = ("_storage", "_scheduled_functions")


def show_data(
    table: str | None, url: str, admin_key: str | None, *, limit: int, order: Order, as_json: bool
) -> int:
    """Print the tables, or the documents of one; return the exit code of the command."""
    try:
        server = _Server(url, find_admin_key(admin_key))
        if table is None:
            _print_tables(server.tables(), as_json=as_json)
        else:
            _print_documents(server.documents(table, limit, order), as_json=as_json)
    except CommandError as error:
        print(f"realtime data: {error}", file=sys.stderr)
        return error.exit_code
    return 0


class _Server:
    """Reads what a server has stored, by the queries of the system (contract 9)."""

    def __init__(self, url: str, admin_key: str) -> None:
        self._url = url
        self._admin_key = admin_key

    def tables(self) -> list[str]:
        page = self._page(_TABLES, {}, _PAGE_DOCUMENTS, None)
        return [entry["name"] for entry in page["page"]]

    def documents(self, table: str, limit: int, order: Order) -> list[dict[str, Any]]:
        """Return up to `limit` documents, by the time at which they were made."""
        tables = self.tables()
        if table not in tables and table not in _READ_ONLY_TABLES:
            raise CommandError(f"There is no table `{table}`: {suggestion(table, tables)}")
        documents: list[dict[str, Any]] = []
        cursor: str | None = None
        while len(documents) < limit:
            count = min(limit - len(documents), _PAGE_DOCUMENTS)
            page = self._page(_DOCUMENTS, {"table": table, "order": order}, count, cursor)
            documents += page["page"]
            cursor = page["continueCursor"]
            if page["isDone"]:
                break
        return documents[:limit]

    def _page(
        self, path: str, arguments: dict[str, Any], count: int, cursor: str | None
    ) -> dict[str, Any]:
        options = {"paginationOpts": {"numItems": count, "cursor": cursor}}
        answer = call_function(self._url, self._admin_key, path, {**arguments, **options})
        if answer["status"] != "success":
            message = str(answer.get("errorMessage", "the call failed")).strip()
            raise CommandError(f"The server refused: {message.splitlines()[-1]}")
        page: dict[str, Any] = answer["value"]
        return page


def _print_tables(tables: Iterable[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(list(tables)))
        return
    for table in tables:
        print(table)


def _print_documents(documents: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Print a document a line, as JSON or as a row of a table."""
    if as_json:
        for document in documents:
            print(json.dumps(document, ensure_ascii=False))
        return
    if not documents:
        print("There are no documents in this table.")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    names = {name for document in documents for name in document}
    columns = [*_FIRST_FIELDS, *sorted(names.difference(_FIRST_FIELDS))]
    table = Table(*columns)
    for document in documents:
        table.add_row(*(Text(_cell(document, name)) for name in columns))
    Console().print(table)


def _cell(document: dict[str, Any], name: str) -> str:
    if name not in document:
        return ""
    value = document[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
