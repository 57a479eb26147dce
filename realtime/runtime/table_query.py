"""Reading a table through an index: `ctx.db.query(Message).with_index(…).order("desc").take(10)`.

A table query is built step by step and then read once. Built on a class it takes Python names and
gives objects; built on a table name it takes wire names and gives dictionaries.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Mapping
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any, Generic, TypeVar

from realtime.database.catalog import BY_CREATION_TIME_NAME, BY_ID_NAME, TableInfo
from realtime.database.index_range import RangeBound
from realtime.database.scan import Scan
from realtime.errors import NotFoundError, ValidationError
from realtime.runtime.operation import SUSPEND, Operation, Steps, Suspension
from realtime.runtime.page_reader import PageScope, read_page
from realtime.runtime.pagination import PaginationOptions, PaginationResult, page_request
from realtime.runtime.read_plan import Order, QueryScope, ReadPlan
from realtime.schema.document import Document
from realtime.schema.index import Bound, Index, index_name, is_bound, is_index
from realtime.values.annotations import ANY_CODEC
from realtime.values.value import UNSET, Value

T = TypeVar("T")

MAX_OPERATORS = 256


class TableQuery(Generic[T]):
    """A read of one table that has not been made yet; each one is chained or read once."""

    __slots__ = ("_is_used", "_plan", "_scope", "_wire_name")

    def __init__(
        self,
        scope: PageScope,
        table_name: str,
        *,
        as_dict: bool,
        wire_name: Callable[[str], str],
        plan: ReadPlan | None = None,
    ) -> None:
        """`wire_name` turns the field names that the developer writes into wire names."""
        self._scope = scope
        self._plan = plan or ReadPlan(table_name, as_dict)
        self._wire_name = wire_name
        self._is_used = False

    def with_index(self, index: Index | str, /, *bounds: Bound, **equals: Any) -> TableQuery[T]:
        """Read through an index: the documents whose first index fields equal `equals`.

        Args:
            index: The index, as `Message.by_time` or by name.
            bounds: At most one lower and one upper bound on the next field, as
                `gt("timestamp", x)` or `Message.by_time.timestamp > x`.
            equals: Values of the index's first fields; UNSET finds documents without the field.

        Raises:
            NotFoundError: The table has no such index; raised where the query is read.
            ValidationError: The fields are not the first ones of the index, in order.
        """
        if self._plan.index is not None:
            raise ValidationError(
                "A query reads through one index: `with_index` can't follow another `with_index` "
                "or `full_table_scan`"
            )
        name = _index_name(index)
        _check_bounds(bounds)
        return self._chain(
            index=name,
            equals={self._wire_name(field): _bound_value(x) for field, x in equals.items()},
            bounds=tuple(
                RangeBound(self._wire_name(bound.field), bound.op, _bound_value(bound.value))
                for bound in bounds
            ),
        )

    def full_table_scan(self) -> TableQuery[T]:
        """Read all documents by creation time; says so where no index is meant."""
        if self._plan.index is not None:
            raise ValidationError(
                "`full_table_scan` can't follow `with_index` or another `full_table_scan`"
            )
        return self._chain(index=BY_CREATION_TIME_NAME)

    def order(self, order: Order) -> TableQuery[T]:
        """Read in ascending (`"asc"`, the default) or descending (`"desc"`) index order."""
        if self._plan.order is not None:
            raise ValidationError("Queries may only specify order at most once")
        if order not in ("asc", "desc"):
            raise ValidationError(f'Expected the order "asc" or "desc", got {order!r}')
        return self._chain(order=order)

    def filter(self, predicate: Callable[[T], bool]) -> TableQuery[T]:
        """Keep the documents for which `predicate` is true; the others count as read too."""
        if iscoroutinefunction(predicate):
            raise ValidationError(
                "`filter` takes a plain function of the document; it got an `async def`, and a "
                "filter can't await"
            )
        if not callable(predicate):
            raise ValidationError(
                "`filter` takes a function of the document, such as `lambda note: note.done`; "
                f"it got `{type(predicate).__name__}`"
            )
        if len(self._plan.filters) >= MAX_OPERATORS:
            raise ValidationError(f"Can't construct query with more than {MAX_OPERATORS} operators")
        return self._chain(filters=(*self._plan.filters, predicate))

    def collect(self) -> Operation[list[T]]:
        """Return all documents, in order.

        Raises:
            LimitError: They are more than a function may read.
        """
        self._use()
        return Operation(self._scope, lambda: self._documents(None))

    def take(self, count: int) -> Operation[list[T]]:
        """Return the first `count` documents, or all if there are fewer."""
        count = _checked_count(count)
        self._use()
        return Operation(self._scope, lambda: self._documents(count))

    def first(self) -> Operation[T | None]:
        """Return the first document, or None."""
        self._use()
        return Operation(self._scope, self._first)

    def unique(self) -> Operation[T | None]:
        """Return the only document, or None.

        Raises:
            ValidationError: There is more than one.
        """
        self._use()
        return Operation(self._scope, self._unique)

    def paginate(
        self, options: PaginationOptions | Mapping[str, Any]
    ) -> Operation[PaginationResult[T]]:
        """Return one page, and the cursor at which the next one begins.

        The pages of a live query keep their ends while documents come and go, so that those that
        follow one another never leave one out or show it twice. A function reads one page.

        Args:
            options: What the client has sent as `paginationOpts`; a mapping is in wire names.

        Raises:
            InvalidCursorError: A cursor is not one of this query.
            ValidationError: The options ask for no page that can be read.
        """
        transaction = self._scope.transaction
        request = page_request(options, transaction.limits, transaction)
        self._use()
        return Operation(self._scope, lambda: read_page(self._scope, self._plan, request))

    def __aiter__(self) -> AsyncIterator[T]:
        """Iterate over the documents; they may be changed and deleted meanwhile."""
        self._use()
        return _Iteration(self._scope, self._plan)

    def __await__(self) -> Generator[Any, Any, Any]:
        """Refuse: a table query is not a result."""
        raise ValidationError(
            "A table query was awaited itself. Results must be retrieved with .collect(), "
            ".take(n), .first(), .unique(), .paginate(options), or `async for`"
        )
        yield

    def _first(self) -> Steps[T | None]:
        found = yield from self._documents(1)
        return found[0] if found else None

    def _unique(self) -> Steps[T | None]:
        found = yield from self._documents(2)
        if len(found) > 1:
            ids = ", ".join(_id_of(document) for document in found)
            raise ValidationError(
                "unique() query returned more than one result from table "
                f"{self._plan.table_name}:\n [{ids}, ...]"
            )
        return found[0] if found else None

    def _documents(self, limit: int | None) -> Steps[list[T]]:
        reader = _Reader(self._scope, self._plan, limit)
        found: list[T] = []
        while limit is None or len(found) < limit:
            documents = yield from reader.next_documents(
                None if limit is None else limit - len(found)
            )
            if not documents:
                break
            found.extend(documents)
        return found

    def _chain(self, **changes: Any) -> TableQuery[T]:
        self._use()
        return TableQuery(
            self._scope,
            self._plan.table_name,
            as_dict=self._plan.as_dict,
            wire_name=self._wire_name,
            plan=replace(self._plan, **changes),
        )

    def _use(self) -> None:
        if self._is_used:
            raise ValidationError(
                "A query can only be chained once and can't be chained after iteration begins."
            )
        self._is_used = True


class _Reader:
    """Hands out the documents of a plan, filters applied."""

    def __init__(self, scope: QueryScope, plan: ReadPlan, limit: int | None) -> None:
        self._scope = scope
        self._plan = plan
        self._table = scope.transaction.table(plan.table_name)
        self._scan: Scan | None = None
        if self._table is not None:
            self._scan = self._open(self._table)
        elif plan.index_name not in (BY_CREATION_TIME_NAME, BY_ID_NAME):
            raise NotFoundError(
                f"Index {plan.table_name}.{plan.index_name} not found. There is no such table"
            )
        reads_less = limit is not None and not plan.filters and limit < scope.scan_chunk
        self._chunk = max(limit, 1) if reads_less and limit is not None else scope.scan_chunk
        self._has_filled = False

    def _open(self, table: TableInfo) -> Scan:
        transaction, plan = self._scope.transaction, self._plan
        index = transaction.index(table, plan.index_name)
        return transaction.open_scan(
            table, index, plan.equals or {}, plan.bounds, descending=plan.order == "desc"
        )

    def next_documents(self, limit: int | None) -> Steps[list[Any]]:
        """Return some of the next documents, at most `limit`; none at the end.

        Without filters it is all that has been read ahead, else one that passes them.
        """
        scan, table, plan = self._scan, self._table, self._plan
        if scan is None or table is None:
            return []
        while True:
            if scan.needs_fill:
                if self._has_filled and self._scope.may_suspend():
                    yield SUSPEND
                scan.fill(self._chunk)
                self._has_filled = True
            records = [] if plan.filters else scan.next_records(limit)
            if records:
                return self._scope.present(table, *records, as_dict=plan.as_dict)
            if scan.needs_fill:
                continue
            record = scan.next_record()
            if record is not None:
                documents = self._scope.present(table, record, as_dict=plan.as_dict)
                if not plan.filters or plan.keeps(documents[0], self._scope.budget):
                    return documents
            elif not scan.needs_fill:
                return []


class _Iteration(AsyncIterator[T], Generic[T]):
    """One `async for` over a table query."""

    def __init__(self, scope: QueryScope, plan: ReadPlan) -> None:
        self._scope = scope
        self._plan = plan
        self._reader: _Reader | None = None

    def __anext__(self) -> Operation[T]:
        return Operation(self._scope, self._next)

    def _next(self) -> Generator[Suspension, None, T]:
        if self._reader is None:
            self._reader = _Reader(self._scope, self._plan, None)
        documents: list[T] = yield from self._reader.next_documents(1)
        if not documents:
            raise StopAsyncIteration
        return documents[0]


def _index_name(index: Any) -> str:
    if isinstance(index, str):
        return index
    if is_index(index):
        return index_name(index)
    raise ValidationError(
        f"Expected an index, as `Message.by_time` or by name, got `{type(index).__name__}`"
    )


def _check_bounds(bounds: tuple[Any, ...]) -> None:
    for bound in bounds:
        if not is_bound(bound):
            raise ValidationError(
                "`with_index` takes equalities as keywords, and bounds such as "
                f'`gt("timestamp", x)` or `Message.by_time.timestamp > x`; it got `{bound!r}`'
            )


def _checked_count(count: Any) -> int:
    """Return how many documents to take; an argument that came without a type is a float."""
    is_number = isinstance(count, (int, float)) and not isinstance(count, bool)
    if not is_number or count < 0 or count != count // 1:
        raise ValidationError(f"`take` expects an integer that is not negative, got {count!r}")
    return int(count)


def _bound_value(value: Any) -> Value:
    return UNSET if value is UNSET else ANY_CODEC.encode(value)


def _id_of(document: Any) -> str:
    return str(document.id if isinstance(document, Document) else document["_id"])
