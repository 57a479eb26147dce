"""Reading one page of a table query.

A page is a part of what the query reads, from one cursor to another. Where it ends is decided when
it is read for the first time: behind the last document that was asked for, or at the end of what
the query reads. Later runs are told that end (by the options or by the journal) and read everything
up to it. So pages that follow one another leave nothing out and give nothing twice, whatever is
written between their runs.

The read set ends where the page ends: a write behind it does not wake the query.

Source: contract 5.8.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple, Protocol

from realtime.database.catalog import BY_CREATION_TIME_NAME, BY_ID_NAME, IndexInfo, TableInfo
from realtime.database.scan import Scan
from realtime.database.snapshot import Keyed
from realtime.errors import InvalidCursorError
from realtime.runtime.cursor import Cursor, Cursors, fingerprint_of
from realtime.runtime.operation import SUSPEND, Steps
from realtime.runtime.page_journal import PageJournal
from realtime.runtime.pagination import PageRequest, PageStatus, PaginationResult
from realtime.runtime.read_plan import QueryScope, ReadPlan
from realtime.values.size import MAX_DOCUMENT_SIZE_BYTES

_LONG_PAGE: Final = 6144
_NEAR_LIMIT: Final = 0.75
_MIN_SPLIT_ROWS: Final = 3
_BUILT_IN_INDEXES: Final = (BY_CREATION_TIME_NAME, BY_ID_NAME)

_Reason = Literal["enough", "end", "limit"]
"""Why a page ends: it has the items asked for, nothing follows, or no more may be read."""


class PageScope(QueryScope, Protocol):
    """What reading a page needs of the run it belongs to."""

    journal: PageJournal

    @property
    def cursors(self) -> Cursors:
        """The cursors of the storage."""
        ...


class _Span(NamedTuple):
    """The cursors of a page; `start` None is the beginning, `end` None is not decided yet."""

    fingerprint: bytes
    start: Cursor | None
    end: Cursor | None

    @property
    def is_behind_the_end(self) -> bool:
        """Say whether the page begins where nothing can follow."""
        return self.start is not None and self.start.key is None


def read_page(
    scope: PageScope, plan: ReadPlan, request: PageRequest
) -> Steps[PaginationResult[Any]]:
    """Return a page, and leave its end in the journal of the run.

    Raises:
        InvalidCursorError: A cursor of the options is not one of this query.
        ValidationError: The function has read a page already; the range does not fit the index.
        LimitError: The function has read too much before.
    """
    recorded_end = scope.journal.begin_page()
    transaction = scope.transaction
    table = transaction.table(plan.table_name)
    index = None if table is None else transaction.index(table, plan.index_name)
    span = _span(scope.cursors, plan, index, request, recorded_end)
    if table is None or index is None or span.is_behind_the_end:
        result = _empty_page(scope.cursors, span)
    else:
        result = yield from _Page(scope, plan, request, span, table, index).read()
    scope.journal.finish_page(result.continue_cursor)
    return result


def _span(
    cursors: Cursors,
    plan: ReadPlan,
    index: IndexInfo | None,
    request: PageRequest,
    recorded_end: str | None,
) -> _Span:
    fields = () if index is None or index.name in _BUILT_IN_INDEXES else index.fields
    fingerprint = fingerprint_of(plan, fields)
    start = end = None
    if request.cursor is not None:
        start = _checked(cursors.decode(request.cursor), fingerprint)
    if request.end_cursor is not None:
        end = _checked(cursors.decode(request.end_cursor), fingerprint)
    elif recorded_end is not None:
        end = _recorded(cursors, recorded_end, fingerprint)
    return _Span(fingerprint, start, end)


def _checked(cursor: Cursor, fingerprint: bytes) -> Cursor:
    if cursor.fingerprint != fingerprint:
        raise InvalidCursorError(
            "InvalidCursor: Tried to run a query starting from a cursor, but it looks like this "
            "cursor is from a different query. Start again without a cursor"
        )
    return cursor


def _recorded(cursors: Cursors, text: str, fingerprint: bytes) -> Cursor | None:
    """Return the end that the journal tells; None if it is not this query's.

    That is no error: the function may have been changed since, and then its page begins anew. So
    do the pages behind it, as their cursors are not of the new query either.
    """
    try:
        return _checked(cursors.decode(text), fingerprint)
    except InvalidCursorError:
        return None


def _empty_page(cursors: Cursors, span: _Span) -> PaginationResult[Any]:
    end = span.end or Cursor(span.fingerprint, None)
    return PaginationResult([], end.key is None, cursors.encode(end))


class _Page:
    """A page that is being read."""

    def __init__(
        self,
        scope: PageScope,
        plan: ReadPlan,
        request: PageRequest,
        span: _Span,
        table: TableInfo,
        index: IndexInfo,
    ) -> None:
        self._scope = scope
        self._plan = plan
        self._span = span
        self._table = table
        self._scan = _open_scan(scope, plan, span, table, index)
        self._count = request.items if span.end is None else None
        # A transaction that has read a lot already ends the page early rather than failing.
        transaction = scope.transaction
        bytes_left = transaction.bytes_left - MAX_DOCUMENT_SIZE_BYTES
        self._maximum_rows = max(1, min(request.maximum_rows, transaction.documents_left))
        self._maximum_bytes = max(1, min(request.maximum_bytes, bytes_left))
        self._chunk = scope.scan_chunk
        if self._count is not None and not plan.filters:
            self._chunk = min(self._chunk, self._count)
        self._has_filled = False
        self._documents: list[Any] = []
        self._keys: list[bytes] = []
        """The keys of all rows that were scanned, in their order."""
        self._bytes_read = 0

    def read(self) -> Steps[PaginationResult[Any]]:
        """Return the page."""
        reason = yield from self._read_rows()
        span, cursors = self._span, self._scope.cursors
        end = span.end
        if end is None:
            end = Cursor(span.fingerprint, None if reason == "end" else self._keys[-1])
        return PaginationResult(
            self._documents,
            end.key is None,
            cursors.encode(end),
            self._split_cursor(),
            self._status(reason),
        )

    def _read_rows(self) -> Steps[_Reason]:
        """Read rows until the page ends."""
        while self._count is None or len(self._documents) < self._count:
            if self._is_at_limit:
                # A page with a fixed end lacks documents only if there are more before that end.
                if self._span.end is None or (yield from self._look_ahead()):
                    return "limit"
                return "end"
            rows = yield from self._next_rows()
            if not rows:
                return "end"
            self._add(rows)
        return "enough"

    @property
    def _is_at_limit(self) -> bool:
        return len(self._keys) >= self._maximum_rows or self._bytes_read >= self._maximum_bytes

    def _next_rows(self) -> Steps[list[Keyed]]:
        """Return some of the next rows, none at the end; as few as the page may still take."""
        scan = self._scan
        most = self._maximum_rows - len(self._keys)
        if self._count is not None:
            most = min(most, self._count - len(self._documents))
        if self._plan.filters:
            most = 1
        while True:
            yield from self._fill()
            rows = scan.next_rows(most, self._maximum_bytes - self._bytes_read)
            if rows:
                return rows
            row = None if scan.needs_fill else scan.next_row()
            if row is not None:
                return [row]
            if not scan.needs_fill:
                return []

    def _look_ahead(self) -> Steps[bool]:
        """Say whether another row follows."""
        while True:
            yield from self._fill()
            if self._scan.look_ahead() is not None:
                return True
            if not self._scan.needs_fill:
                return False

    def _fill(self) -> Steps[None]:
        if self._scan.needs_fill:
            if self._has_filled and self._scope.may_suspend():
                yield SUSPEND
            self._scan.fill(self._chunk)
            self._has_filled = True

    def _add(self, rows: list[Keyed]) -> None:
        scope, plan = self._scope, self._plan
        for key, record in rows:
            self._keys.append(key)
            self._bytes_read += len(record.document)
        records = [record for _, record in rows]
        documents = scope.present(self._table, *records, as_dict=plan.as_dict)
        if plan.filters:
            documents = [each for each in documents if plan.keeps(each, scope.budget)]
        self._documents += documents

    def _split_cursor(self) -> str | None:
        if len(self._keys) < _MIN_SPLIT_ROWS:
            return None
        middle = self._keys[(len(self._keys) - 1) // 2]
        return self._scope.cursors.encode(Cursor(self._span.fingerprint, middle))

    def _status(self, reason: _Reason) -> PageStatus | None:
        if reason == "limit":
            return "SplitRequired"
        is_large = (
            len(self._keys) > _NEAR_LIMIT * self._maximum_rows
            or self._bytes_read > _NEAR_LIMIT * self._maximum_bytes
            or len(self._documents) > _LONG_PAGE
        )
        return "SplitRecommended" if is_large else None


def _open_scan(
    scope: PageScope, plan: ReadPlan, span: _Span, table: TableInfo, index: IndexInfo
) -> Scan:
    return scope.transaction.open_scan(
        table,
        index,
        plan.equals or {},
        plan.bounds,
        descending=plan.order == "desc",
        after=None if span.start is None else span.start.key,
        until=None if span.end is None else span.end.key,
    )
