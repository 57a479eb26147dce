"""What a table query is going to read, and what it needs of the run that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from realtime.database.catalog import BY_CREATION_TIME_NAME, TableInfo
from realtime.database.index_range import RangeBound
from realtime.database.record import Record
from realtime.database.transaction import Transaction
from realtime.runtime.operation import OperationScope
from realtime.runtime.watchdog import TimeBudget
from realtime.values.value import Value

Order = Literal["asc", "desc"]


class QueryScope(OperationScope, Protocol):
    """What a table query needs of the run it belongs to."""

    transaction: Transaction
    scan_chunk: int

    def may_suspend(self) -> bool:
        """Say whether the run can keep its snapshot while the loop turns."""
        ...

    def present(self, table: TableInfo, *records: Record, as_dict: bool) -> list[Any]:
        """Return records as the document objects or dictionaries that the handler gets."""
        ...


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """What to read. `index` is a wire name; `equals` and `bounds` hold wire names and values."""

    table_name: str
    as_dict: bool
    index: str | None = None
    equals: Mapping[str, Value] | None = None
    bounds: tuple[RangeBound, ...] = ()
    order: Order | None = None
    filters: tuple[Callable[[Any], bool], ...] = ()

    @property
    def index_name(self) -> str:
        """The index to read: where none is named, the one by creation time."""
        return self.index or BY_CREATION_TIME_NAME

    def keeps(self, document: Any, budget: TimeBudget) -> bool:
        """Say whether the filters keep a document; their time is the handler's own."""
        budget.resume()
        try:
            return all(predicate(document) for predicate in self.filters)
        finally:
            budget.pause()
