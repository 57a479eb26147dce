"""The queries that one client watches, and what the client has been told about them.

An update takes a *part* of the query set through a run: the queries that are new or whose result
is no longer current. It begins (which fixes the part, the version and the removals it stands for)
and finishes (which compares each result with what was last sent). Both ends are separate because
the client and the writers go on in between:

- A query removed in between is dropped from the result; that it is gone is told by the next
  update, whose version covers the removal.
- A query added in between belongs to the next update.
- A query invalidated in between stays stale, whatever this update finds out: the invalidation may
  be about a commit after the update's timestamp.

Queries are compared as objects, not by their id: an id that was removed and added again while an
update was in progress must not get the result of its predecessor.

A query set has a size limit, since each client decides how much of our memory it holds.

What was last sent is kept as bytes, not as a hash. The bytes are those of the query cache, shared
with every other client of that result, and equality of bytes is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from realtime.errors import OverloadedError, ProtocolError
from realtime.sync.messages import Add, ModifyQuerySet, QuerySetResult, Remove, comparable_result

BASE_VERSION_MISMATCH: Final = "BaseVersionMismatch"
"""The code of the one `ProtocolError` that is answered by a `FatalError`."""
MAX_QUERY_SET_BYTES: Final = 64 * 2**20
_QUERY_OVERHEAD_BYTES: Final = 512


class PendingQuery(NamedTuple):
    """A query to evaluate; `args` is JSON text, `journal` is that of its last run."""

    path: str
    args: bytes
    component_path: str | None
    journal: str | None


class UpdateResult(NamedTuple):
    """What an update tells the client: the version reached, what is gone and what is new."""

    version: int
    removed: list[int]
    updated: list[tuple[int, QuerySetResult]]


class _Query(msgspec.Struct, gc=False):
    """A subscribed query. `journal` and `sent` change when an update finishes."""

    path: str
    args: bytes
    component_path: str | None
    journal: str | None
    size_bytes: int
    sent: bytes | None = None
    pending: PendingQuery | None = None
    """What `prepare` made, until the journal changes."""

    def prepare(self) -> PendingQuery:
        """Return the query as it is evaluated next."""
        self.pending = PendingQuery(self.path, self.args, self.component_path, self.journal)
        return self.pending


class _Update(NamedTuple):
    """An update in progress."""

    version: int
    removed: list[int]
    queries: dict[int, _Query]


class QuerySet:
    """The client's queries by id, and the versions it knows them by.

    `version` is the newest one received from the client. Invariant: a query that is neither stale
    nor in the update in progress has been sent, and its subscription watches it.
    """

    __slots__ = (
        "_queries",
        "_removed",
        "_sent_version",
        "_size_bytes",
        "_stale",
        "_update",
        "version",
    )

    def __init__(self) -> None:
        self.version = 0
        self._sent_version = 0
        self._size_bytes = 0
        self._queries: dict[int, _Query] = {}
        self._stale: dict[int, _Query] = {}
        self._removed: list[int] = []
        self._update: _Update | None = None

    @property
    def has_changes(self) -> bool:
        """Return whether an update would have anything to evaluate or to tell."""
        return bool(self._stale) or self.version != self._sent_version

    @property
    def has_stale_queries(self) -> bool:
        """Return whether an update would have anything to evaluate."""
        return bool(self._stale)

    def modify(self, message: ModifyQuerySet) -> list[int]:
        """Apply a step of the client whole or not at all; return the ids it removed, in order.

        Raises:
            ProtocolError: the step does not start from the current version (code
                `BaseVersionMismatch`), does not lead on, adds an id that is there, or removes one
                that is not.
            OverloadedError: the query set would be too large.
        """
        self._check(message)
        removed: list[int] = []
        for modification in message.modifications:
            query_id = modification.query_id
            if isinstance(modification, Add):
                query = _Query(
                    modification.udf_path,
                    bytes(modification.args),
                    modification.component_path,
                    modification.journal,
                    _size_bytes(modification),
                )
                self._queries[query_id] = self._stale[query_id] = query
                self._size_bytes += query.size_bytes
            else:
                self._size_bytes -= self._queries.pop(query_id).size_bytes
                self._stale.pop(query_id, None)
                removed.append(query_id)
        self._removed += removed
        self.version = message.new_version
        return removed

    def _check(self, message: ModifyQuerySet) -> None:
        if message.base_version != self.version:
            raise ProtocolError(
                f"Base version {message.base_version} passed up doesn't match "
                f"the current version {self.version}",
                code=BASE_VERSION_MISMATCH,
            )
        if message.new_version <= message.base_version:
            raise ProtocolError(
                f"Expected a query set version after {message.base_version}, "
                f"got {message.new_version}"
            )
        is_there: dict[int, bool] = {}
        size_bytes = self._size_bytes
        for modification in message.modifications:
            query_id = modification.query_id
            was_there = is_there.get(query_id, query_id in self._queries)
            is_there[query_id] = isinstance(modification, Add)
            if was_there == is_there[query_id]:
                raise ProtocolError(_misfit(modification))
            size_bytes += _size_bytes(modification)
        if size_bytes > MAX_QUERY_SET_BYTES:
            raise OverloadedError(
                f"Expected queries of at most {MAX_QUERY_SET_BYTES} bytes in all on a socket, "
                f"got {size_bytes}"
            )

    def invalidate(self, query_id: int) -> None:
        """Note that a result is no longer current; an id that was removed is no news."""
        query = self._queries.get(query_id)
        if query is not None:
            self._stale[query_id] = query

    def invalidate_all(self) -> None:
        """Note that no result is current any more, as after a change of identity."""
        self._stale.update(self._queries)

    def begin_update(self) -> dict[int, PendingQuery]:
        """Return the queries to evaluate by id, and note what the update stands for.

        No other update may be in progress.
        """
        assert self._update is None, "an update is in progress"
        return self._begin(_Update(self.version, self._removed, self._stale))

    def restart_update(self) -> dict[int, PendingQuery]:
        """Take what has changed since into the update in progress; return what to evaluate."""
        update = self._update
        assert update is not None, "no update is in progress"
        kept = {
            query_id: query
            for query_id, query in update.queries.items()
            if self._queries.get(query_id) is query
        }
        return self._begin(
            _Update(self.version, update.removed + self._removed, kept | self._stale)
        )

    def _begin(self, update: _Update) -> dict[int, PendingQuery]:
        self._update = update
        self._removed, self._stale = [], {}
        return _pending(update.queries)

    def stale_queries(self) -> dict[int, PendingQuery]:
        """Return the queries that an update would evaluate if it began now, by id."""
        return _pending(self._stale)

    def finish_update(self, results: Mapping[int, QuerySetResult]) -> UpdateResult:
        """Return what the client has to be told, now that the queries have been evaluated.

        Results the client has been sent already are left out, as are those of queries that it
        has removed meanwhile. The journals of all others are kept for their next run.

        Raises:
            ProtocolError: a query of the update has no result; the update stays in progress.
        """
        update = self._update
        assert update is not None, "no update is in progress"
        if not update.queries.keys() <= results.keys():
            self._check_complete(update, results)
        updated: list[tuple[int, QuerySetResult]] = []
        for query_id, query in update.queries.items():
            if self._queries.get(query_id) is not query:
                continue
            result = results[query_id]
            if query.journal != result.journal:
                query.journal, query.pending = result.journal, None
            comparable = comparable_result(result)
            if comparable != query.sent:
                query.sent = comparable
                updated.append((query_id, result))
        self._update = None
        self._sent_version = update.version
        return UpdateResult(update.version, update.removed, updated)

    def _check_complete(self, update: _Update, results: Mapping[int, QuerySetResult]) -> None:
        missing = [
            query_id
            for query_id, query in update.queries.items()
            if query_id not in results and self._queries.get(query_id) is query
        ]
        if missing:
            raise ProtocolError(f"Expected results of all queries of the update, {missing} lack")


def _pending(queries: Mapping[int, _Query]) -> dict[int, PendingQuery]:
    return {query_id: query.pending or query.prepare() for query_id, query in queries.items()}


def _misfit(modification: Add | Remove) -> str:
    if isinstance(modification, Add):
        return f"Expected a new query id, got {modification.query_id}, which is subscribed"
    return f"Expected the id of a subscribed query, got {modification.query_id}"


def _size_bytes(modification: Add | Remove) -> int:
    """Return about what a new query takes in memory; what a removal gives back is not counted."""
    if isinstance(modification, Remove):
        return 0
    journal = modification.journal or ""
    text_size_bytes = len(modification.udf_path) + len(journal) + len(bytes(modification.args))
    return _QUERY_OVERHEAD_BYTES + text_size_bytes
