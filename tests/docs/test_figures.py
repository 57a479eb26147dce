"""The limits that the documents tell are those of the code."""

from __future__ import annotations

import inspect
import re

import pytest

from realtime.database.history import RETENTION_BYTES, RETENTION_SECONDS
from realtime.database.limits import TransactionLimits
from realtime.runtime.action_lane import ActionLimits
from realtime.runtime.backend import Limits
from realtime.runtime.blocking_calls import BlockingCalls
from realtime.runtime.call_checks import MAX_ARGUMENT_BYTES, MAX_NESTING
from realtime.runtime.query_evaluator import MAX_TOGETHER_BYTES
from realtime.runtime.result_encoding import MAX_RESULT_BYTES
from realtime.runtime.session_queue import MAX_WAITING, MAX_WAITING_PER_SESSION
from realtime.schema.index_rules import MAX_INDEX_FIELDS, MAX_INDEXES
from realtime.server.auth import cached_keys, document_fetcher, token_validator
from realtime.server.connection import MAX_MESSAGE_BYTES
from realtime.server.http_api import REQUEST_SECONDS
from realtime.server.http_messages import MAX_BATCH_QUERIES, MAX_BODY_BYTES
from realtime.server.live_sockets import WATCH_INTERVAL_SECONDS
from realtime.server.sync_worker import MAX_SILENT_CHECKS
from realtime.server.unsent_budget import MAX_UNSENT_BYTES, MAX_UNSENT_BYTES_PER_SOCKET
from realtime.sync.query_set import MAX_QUERY_SET_BYTES
from realtime.values import size
from tests.docs.apps import GUIDE
from tests.docs.blocks import DOCS

RUN = TransactionLimits()
ACTIONS = ActionLimits()
WAITING_CALLS = inspect.signature(BlockingCalls).parameters["max_waiting"]

OF_THE_GUIDE: dict[str, list[float]] = {
    "time of a query's or mutation's own code, nested calls included": [Limits().user_time_seconds],
    "arguments; result": [MAX_ARGUMENT_BYTES],
    "documents read; bytes read": [RUN.documents_read, RUN.bytes_read],
    "reads (documents by id, ranges)": [RUN.intervals_read],
    "documents written; bytes written": [RUN.documents_written, RUN.bytes_written],
    "nested calls": [MAX_NESTING],
    "time of one, from its start to its end": [ACTIONS.time_seconds],
    "time of its own code between two awaits": [ACTIONS.stretch_seconds],
    "running at the same time": [ACTIONS.running_per_client, ACTIONS.running],
    "calls of `ctx.run_blocking` that run at the same time": [
        ACTIONS.blocking_threads,
        WAITING_CALLS.default,
    ],
    "document": [size.MAX_DOCUMENT_SIZE_BYTES, size.MAX_DOCUMENT_NESTING],
    "any value": [size.MAX_VALUE_SIZE_BYTES, size.MAX_VALUE_NESTING],
    "array; object": [size.MAX_ARRAY_LENGTH, size.MAX_OBJECT_FIELDS],
    "name of a field": [size.MAX_FIELD_NAME_LENGTH],
    "name of a table, an index or a declared field": [size.MAX_IDENTIFIER_LENGTH],
    "indexes of a table; fields of an index": [MAX_INDEXES, MAX_INDEX_FIELDS],
}
OF_OPERATIONS: dict[str, list[float]] = {
    "message of a client over a socket": [MAX_MESSAGE_BYTES],
    "body of an HTTP call": [MAX_BODY_BYTES - 2_000, 2_000],
    "mutations that wait": [MAX_WAITING_PER_SESSION, MAX_WAITING],
    "queries over HTTP that wait": [MAX_WAITING_PER_SESSION, MAX_WAITING],
    "queries in one `/api/query_batch`; their results together": [
        MAX_BATCH_QUERIES,
        MAX_TOGETHER_BYTES,
    ],
    "time of an HTTP call, from its first byte to its answer": [REQUEST_SECONDS],
    "age of a timestamp that `/api/query_at_ts` can read": [RETENTION_SECONDS, RETENTION_BYTES],
    "actions that run": [ACTIONS.running_per_client, ACTIONS.running],
    "subscribed queries of a socket, their arguments together": [MAX_QUERY_SET_BYTES],
    "bytes that a socket has not taken": [MAX_UNSENT_BYTES_PER_SOCKET],
    "bytes that all sockets have not taken": [MAX_UNSENT_BYTES],
    "a socket on which nothing arrives, not even a pong": [
        MAX_SILENT_CHECKS * WATCH_INTERVAL_SECONDS
    ],
}
OF_PROVIDERS: dict[str, list[float]] = {
    "a fetch": [
        document_fetcher.FETCH_SECONDS,
        document_fetcher.MAX_DOCUMENT_BYTES,
        document_fetcher.MAX_REDIRECTS,
    ],
    "keys are used": [cached_keys.FRESH_SECONDS],
    "a token with an unknown key id": [cached_keys.UNKNOWN_ID_SECONDS],
    "difference of clocks": [token_validator.LEEWAY_SECONDS],
}

ROW = re.compile(r"^\| (.+?) \| (.+?) \|", re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.])(\d+(?: \d{3})*)(?: (MiB|KiB|minutes))?")
UNITS = {"MiB": 2**20, "KiB": 2**10, "minutes": 60, "": 1}


def figures_of(cell: str) -> list[float]:
    """Return the numbers in a cell of a table, in bytes and seconds."""
    found = NUMBER.findall(cell)
    return [int(number.replace(" ", "")) * UNITS[unit] for number, unit in found]


def rows_of(document: str, heading: str) -> dict[str, list[float]]:
    """Return the numbers in the second column of the tables of a section, by the first column."""
    section = document.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return {name: figures_of(cell) for name, cell in ROW.findall(section)}


@pytest.mark.parametrize("name", OF_THE_GUIDE)
def test_limits_of_the_guide_are_those_of_the_code(name: str) -> None:
    assert rows_of(GUIDE.read_text(), "Limits")[name] == OF_THE_GUIDE[name]


@pytest.mark.parametrize("name", OF_OPERATIONS)
def test_limits_of_a_server_are_those_of_the_code(name: str) -> None:
    operations = (DOCS / "operations.md").read_text()

    assert rows_of(operations, "Limits and sizes")[name] == OF_OPERATIONS[name]


@pytest.mark.parametrize("name", OF_PROVIDERS)
def test_bounds_of_providers_are_those_of_the_code(name: str) -> None:
    operations = (DOCS / "operations.md").read_text()

    assert rows_of(operations, "Identity providers")[name] == OF_PROVIDERS[name]


def test_every_row_with_a_figure_is_compared() -> None:
    guide, operations = GUIDE.read_text(), (DOCS / "operations.md").read_text()

    for document, heading, compared in (
        (guide, "Limits", OF_THE_GUIDE),
        (operations, "Limits and sizes", OF_OPERATIONS),
    ):
        told = {name for name, figures in rows_of(document, heading).items() if figures}
        assert told == compared.keys()
    assert MAX_RESULT_BYTES == MAX_ARGUMENT_BYTES, "the guide tells one figure for both"
