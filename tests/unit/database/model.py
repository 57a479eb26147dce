"""What the database promises, in plain terms: dictionaries, and ranges by comparing values.

Nothing here knows of keys, intervals, chunks, layers or caches. The property tests drive a database
and a `Model` with the same steps and compare what comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

from realtime.database.index_range import RangeBound
from realtime.values.index_key import compare_values
from realtime.values.json_encoding import encode_json
from realtime.values.value import UNSET

Document = dict[str, Any]

_comparable = cmp_to_key(compare_values)

SYSTEM_INDEXES: dict[str, tuple[str, ...]] = {
    "by_id": ("_id",),
    "by_creation_time": ("_creationTime", "_id"),
}


def value_at(document: Document, path: str) -> Any:
    """The value at a dotted path, UNSET where there is none."""
    value: Any = document
    for name in path.split("."):
        value = value.get(name, UNSET) if isinstance(value, dict) else UNSET
    return value


def same(first: Iterable[Document], second: Iterable[Document]) -> bool:
    """Whether two lists of documents are the same; Python would call 1.0 and True equal."""
    return [*map(encode_json, first)] == [*map(encode_json, second)]


@dataclass(frozen=True)
class Range:
    """A range of one index of one table, read in one direction.

    `fields` are those of the index, the tie-breakers included.
    """

    table: str
    index: str
    fields: tuple[str, ...]
    equals: Mapping[str, Any] = field(default_factory=dict)
    bounds: tuple[RangeBound, ...] = ()
    descending: bool = False

    def holds(self, document: Document) -> bool:
        """Whether the document is one of the range's."""
        return all(
            compare_values(value_at(document, path), value) == 0
            for path, value in self.equals.items()
        ) and all(_is_within(value_at(document, bound.field), bound) for bound in self.bounds)

    def place(self, document: Document) -> list[Any]:
        """Where the document stands in the index; places compare."""
        return [_comparable(value_at(document, path)) for path in self.fields]

    def comes_before(self, document: Document, other: Document) -> bool:
        """Whether the scan meets `document` before `other`."""
        if self.descending:
            return self.place(document) > self.place(other)
        return self.place(document) < self.place(other)

    def of(self, documents: Iterable[Document]) -> list[Document]:
        """Those of the table's documents that the range holds, in the order of the scan."""
        return sorted(filter(self.holds, documents), key=self.place, reverse=self.descending)


def _is_within(value: Any, bound: RangeBound) -> bool:
    order = compare_values(value, bound.value)
    match bound.operator:
        case "gt":
            return order > 0
        case "gte":
            return order >= 0
        case "lt":
            return order < 0
        case "lte":
            return order <= 0


class Model:
    """All documents at one moment, by id, with their tables; and the tables there are."""

    def __init__(
        self, documents: Mapping[str, tuple[str, Document]], tables: Mapping[str, int]
    ) -> None:
        self.documents = dict(documents)
        self.tables = dict(tables)
        """Numbers by name."""

    def copy(self) -> Model:
        """A model to be changed without this one. Documents themselves are never changed."""
        return Model(self.documents, self.tables)

    def get(self, document_id: str) -> Document | None:
        """A document by its id."""
        found = self.documents.get(document_id)
        return None if found is None else found[1]

    def table(self, name: str) -> Iterator[Document]:
        """The documents of a table, in no order."""
        return (document for table, document in self.documents.values() if table == name)

    def read(self, within: Range) -> list[Document]:
        """The documents of a range, in the order of the scan."""
        return within.of(self.table(within.table))

    def next_of(self, within: Range, last: Document | None) -> Document | None:
        """The first document of a range behind `last`, or of all."""
        behind = filter(within.holds, self.table(within.table))
        if last is not None:
            behind = (each for each in behind if within.comes_before(last, each))
        first = max if within.descending else min
        return first(behind, key=within.place, default=None)


@dataclass(frozen=True)
class Touched:
    """One document as a mutation found it and left it; None where there was or is none."""

    document_id: str
    table: str
    before: Document | None
    after: Document | None

    def versions(self) -> list[Document]:
        """The versions there are."""
        return [version for version in (self.before, self.after) if version is not None]


@dataclass(frozen=True)
class Effects:
    """What one commit did: the documents written, and the names and numbers of new tables."""

    documents: tuple[Touched, ...] = ()
    new_tables: frozenset[str | int] = frozenset()


@dataclass(frozen=True)
class DocumentRead:
    """A document was looked up by its id."""

    document_id: str

    def is_changed_by(self, effects: Effects) -> bool:
        """Whether the answer is another one now."""
        return any(each.document_id == self.document_id for each in effects.documents)


@dataclass(frozen=True)
class TableRead:
    """A table was looked for, by name or number, and was not there."""

    name_or_number: str | int

    def is_changed_by(self, effects: Effects) -> bool:
        """Whether it is there now."""
        return self.name_or_number in effects.new_tables


@dataclass
class ScanRead:
    """A range was read up to `last`, the end included if it `is_finished`."""

    within: Range
    last: Document | None = None
    is_finished: bool = False

    def is_changed_by(self, effects: Effects) -> bool:
        """Whether a document came, went or changed among those that the scan has passed."""
        return any(
            self._has_passed(version)
            for each in effects.documents
            if each.table == self.within.table
            for version in each.versions()
        )

    def _has_passed(self, document: Document) -> bool:
        if not self.within.holds(document):
            return False
        if self.is_finished:
            return True
        return self.last is not None and not self.within.comes_before(self.last, document)


Read = DocumentRead | TableRead | ScanRead
