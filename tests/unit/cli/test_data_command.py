"""`realtime data` against a server that answers what a test wants."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime.cli.data import Order, show_data
from tests.unit.cli.answering_server import AnsweringServer

TABLES = "_system/cli/tables"
DOCUMENTS = "_system/cli/tableData"
ROWS = [
    {"_id": "a1", "_creationTime": 2.5, "text": "first", "tags": ["x"]},
    {"_id": "a2", "_creationTime": 1.5, "text": "[red]second", "done": True},
]


def page(entries: list[dict[str, Any]], cursor: str | None = None) -> dict[str, Any]:
    value = {"page": entries, "isDone": cursor is None, "continueCursor": cursor or "end"}
    return {"status": "success", "value": value}


@pytest.fixture(autouse=True)
def stored(server: AnsweringServer) -> None:
    server.answers = {TABLES: page([{"name": "notes"}, {"name": "users"}]), DOCUMENTS: page(ROWS)}


def show(
    server: AnsweringServer,
    table: str | None = None,
    *,
    limit: int = 100,
    order: Order = "desc",
    as_json: bool = False,
) -> int:
    return show_data(table, server.url, "app|key", limit=limit, order=order, as_json=as_json)


def test_tables_are_listed(server: AnsweringServer, capsys: pytest.CaptureFixture[str]) -> None:
    code = show(server)

    assert (code, capsys.readouterr().out) == (0, "notes\nusers\n")
    assert server.body["args"] == {"paginationOpts": {"numItems": 500, "cursor": None}}


def test_tables_are_listed_as_json(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str]
) -> None:
    show(server, as_json=True)

    assert json.loads(capsys.readouterr().out) == ["notes", "users"]


def test_documents_are_shown_in_a_table(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")

    code = show(server, "notes")

    head, _, first, second = capsys.readouterr().out.splitlines()[1:5]
    assert code == 0
    assert [cell.strip() for cell in head.split("┃")[1:-1]] == [
        "_id",
        "_creationTime",
        "done",
        "tags",
        "text",
    ]
    assert [cell.strip() for cell in first.split("│")[1:-1]] == ["a1", "2.5", "", '["x"]', "first"]
    assert [cell.strip() for cell in second.split("│")[1:-1]] == [
        "a2",
        "1.5",
        "true",
        "",
        "[red]second",
    ]


def test_documents_are_printed_a_line_each_as_json(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str]
) -> None:
    show(server, "notes", as_json=True)

    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == ROWS


def test_limit_and_order_are_asked_for(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str]
) -> None:
    show(server, "notes", limit=1, order="asc", as_json=True)

    assert server.body["args"] == {
        "table": "notes",
        "order": "asc",
        "paginationOpts": {"numItems": 1, "cursor": None},
    }
    assert json.loads(capsys.readouterr().out) == ROWS[0]


def test_pages_are_read_up_to_the_limit(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers[DOCUMENTS] = page(ROWS * 250, "next")

    show(server, "notes", limit=501, as_json=True)

    assert capsys.readouterr().out.count("\n") == 501
    assert server.body["args"]["paginationOpts"] == {"numItems": 1, "cursor": "next"}


def test_empty_table_is_told(server: AnsweringServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[DOCUMENTS] = page([])

    show(server, "users")

    assert capsys.readouterr().out == "There are no documents in this table.\n"


def test_unknown_table_suggests_the_nearest(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str]
) -> None:
    code = show(server, "note")

    assert code == 1
    error = capsys.readouterr().err
    assert error == "realtime data: There is no table `note`: did you mean `notes`?\n"


def test_refusal_is_told_in_one_line(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str]
) -> None:
    message = "[Request ID: 1] Server Error\nToo many documents\n"
    server.answers[DOCUMENTS] = {"status": "error", "errorMessage": message}

    code = show(server, "notes")

    assert code == 1
    assert capsys.readouterr().err == "realtime data: The server refused: Too many documents\n"
