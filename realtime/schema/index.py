"""Indexes as a document class declares them, and bounds on their fields.

    class Message(Document, table="messages"):
        timestamp: float

        by_time = Index("timestamp")

`Message.by_time.timestamp > x` is a bound for `with_index`, the same as `gt("timestamp", x)`.
Every attribute of an index is one of its fields, so an index has no other public names;
`index_name` and `index_fields` tell the rest.

The type parameters are for type checkers that read a generated stub (`codegen/schema_stubs.py`):
there an index knows its name, and a bound its field and the type of its value. They are `Any` where
no stub stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Literal, NoReturn, TypeGuard

from typing_extensions import TypeVar

from realtime.errors import ValidationError
from realtime.values.nearest import suggestion

BoundOperator = Literal["gt", "gte", "lt", "lte"]

_TIE_BREAKERS = ("creation_time", "id")

N_co = TypeVar("N_co", bound=str, covariant=True, default=Any)
F = TypeVar("F", bound=str)
F_co = TypeVar("F_co", bound=str, covariant=True, default=Any)
V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True, default=Any)
C = TypeVar("C", default=Any)


@dataclass(frozen=True, slots=True)
class Bound(Generic[F_co, V_co]):
    """One end of a range in an index: `field` (Python name, may be dotted) against `value`."""

    field: F_co
    op: BoundOperator
    value: V_co


def gt(field: F, value: V) -> Bound[F, V]:
    """Return the bound `field > value`."""
    return Bound(field, "gt", value)


def gte(field: F, value: V) -> Bound[F, V]:
    """Return the bound `field >= value`."""
    return Bound(field, "gte", value)


def lt(field: F, value: V) -> Bound[F, V]:
    """Return the bound `field < value`."""
    return Bound(field, "lt", value)


def lte(field: F, value: V) -> Bound[F, V]:
    """Return the bound `field <= value`."""
    return Bound(field, "lte", value)


class Index(Generic[N_co]):
    """An index over fields of a document class, in order, by their Python names.

    A field within an object is written with dots. `creation_time` and then `id` end every index
    and are not declared.
    """

    __slots__ = ("__index_fields__", "__index_name__")

    def __init__(self, *fields: str) -> None:
        """Declare the index; its name is that of the attribute that holds it."""
        self.__index_fields__ = fields
        self.__index_name__ = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.__index_name__ = name

    def __getattr__(self, name: str) -> IndexField:
        return _field_of(self, name)

    def __repr__(self) -> str:
        return f"Index({', '.join(repr(field) for field in self.__index_fields__)})"


class IndexField(Generic[F_co, C]):
    """A field of an index, or an object on the way to one; compared with a value it is a bound."""

    __slots__ = ("_index", "_path")

    def __init__(self, index: Index, path: F_co) -> None:
        self._index = index
        self._path = path

    def __getattr__(self, name: str) -> IndexField:
        return _field_of(self._index, f"{self._path}.{name}")

    def __gt__(self, value: C) -> Bound[F_co, C]:
        return Bound(self._path, "gt", value)

    def __ge__(self, value: C) -> Bound[F_co, C]:
        return Bound(self._path, "gte", value)

    def __lt__(self, value: C) -> Bound[F_co, C]:
        return Bound(self._path, "lt", value)

    def __le__(self, value: C) -> Bound[F_co, C]:
        return Bound(self._path, "lte", value)

    def __eq__(self, value: object) -> NoReturn:
        raise ValidationError(
            f"An index field has no `==`: write `with_index(…, {self._path}=…)` instead"
        )

    def __hash__(self) -> int:
        return hash((IndexField, self._path))


def is_index(value: object) -> TypeGuard[Index]:
    """Say whether a value is an index."""
    return isinstance(value, Index)


def is_bound(value: object) -> TypeGuard[Bound]:
    """Say whether a value is a bound on a field that has a name."""
    field: object = getattr(value, "field", None)
    return isinstance(value, Bound) and isinstance(field, str)


def _field_of(index: Index, path: str) -> IndexField:
    name = path.rpartition(".")[2]
    known = (*index.__index_fields__, *_TIE_BREAKERS)
    if not name.startswith("_") and any(f"{field}.".startswith(f"{path}.") for field in known):
        return IndexField(index, path)
    raise AttributeError(
        f"`{index.__index_name__}` has no field `{path}`; {suggestion(path, known)}"
    )


def index_name(index: Index) -> str:
    """Return the name under which the class declares `index`."""
    return index.__index_name__


def index_fields(index: Index) -> tuple[str, ...]:
    """Return the fields of `index`, dotted Python names, without the tie-breakers."""
    return index.__index_fields__
