"""What a client watches: its queries and their newest results, over all connections.

A query id is given once. Who asks for what somebody watches already shares its id, so that it is
asked for and sent once. Results and journals outlive a connection: the next one begins with the
journals, and a result that comes again is no news.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType, assert_never

import msgspec

from realtime.client.outcome import Outcome, failure, success
from realtime.client.server_messages import (
    QueryFailed,
    QueryModification,
    QueryRemoved,
    QueryUpdated,
)
from realtime.sync.messages import Add, Remove

QueryId = NewType("QueryId", int)


@dataclass(slots=True)
class _Query:
    path: str
    args: bytes
    is_shared: bool
    watcher_count: int = 1
    journal: str | None = None
    outcome: Outcome | None = None


class QuerySet:
    """The queries of a client by their ids."""

    def __init__(self) -> None:
        self._queries: dict[QueryId, _Query] = {}
        self._shared: dict[tuple[str, bytes], QueryId] = {}
        self._next_id = 0

    def add(self, path: str, args: bytes, *, is_shared: bool) -> tuple[QueryId, Add | None]:
        """Return the id of a query, and what to send unless it is watched already.

        One that is not shared is asked for in any case, so its first result is not older than
        this call.
        """
        query_id = self._shared.get((path, args)) if is_shared else None
        if query_id is not None:
            self._queries[query_id].watcher_count += 1
            return query_id, None
        query_id = QueryId(self._next_id)
        self._next_id += 1
        query = self._queries[query_id] = _Query(path, args, is_shared)
        if is_shared:
            self._shared[path, args] = query_id
        return query_id, _addition(query_id, query)

    def drop(self, query_id: QueryId) -> Remove | None:
        """Let one who watches go; return what to send if it was the last."""
        query = self._queries[query_id]
        query.watcher_count -= 1
        if query.watcher_count:
            return None
        del self._queries[query_id]
        if query.is_shared:
            del self._shared[query.path, query.args]
        return Remove(query_id)

    def additions(self) -> tuple[Add, ...]:
        """Return all queries, as a new connection has to ask for them."""
        return tuple(_addition(query_id, query) for query_id, query in self._queries.items())

    def path(self, query_id: QueryId) -> str | None:
        """Return the path of a query that is still watched."""
        query = self._queries.get(query_id)
        return None if query is None else query.path

    def apply(self, modification: QueryModification) -> Outcome | None:
        """Take a result in; return it if it is news to somebody."""
        query = self._queries.get(QueryId(modification.query_id))
        if query is None:  # its removal and this have crossed
            return None
        outcome: Outcome
        match modification:
            case QueryUpdated():
                outcome = success(modification.value)
                is_known = outcome == query.outcome
            case QueryFailed():
                outcome = failure(modification.error_message, modification.error_data)
                is_known = outcome.is_same(query.outcome)
            case QueryRemoved():
                return None
            case _:
                assert_never(modification)
        query.journal = modification.journal
        query.outcome = outcome
        return None if is_known else outcome


def _addition(query_id: QueryId, query: _Query) -> Add:
    return Add(query_id, query.path, msgspec.Raw(b"[%b]" % query.args), query.journal)
