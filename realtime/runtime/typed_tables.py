"""What type checkers know of a table by its class: the fields it takes, and its indexes.

A document class carries the types of its own operations, so that `ctx.db` needs no list of tables:
a checker looks at one class, however many there are. `__init__` has the fields of a new document;
`__changes__` those of a patch, and `__query__` the indexes. These two are written by the generated
stub (`codegen/schema_stubs.py`); without it a patch takes any fields and a query any index.

Nothing here exists at run time: no class has these methods, and nobody calls them.
"""

from __future__ import annotations

from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
D = TypeVar("D")
Q_co = TypeVar("Q_co", covariant=True)


class Queried(Protocol[Q_co]):
    """A document class with a stub, by the query that knows its indexes."""

    def __query__(self) -> Q_co: ...


class Patched(Protocol[P]):
    """A document class, by the fields that a patch may change."""

    def __changes__(self, *_: P.args, **changes: P.kwargs) -> None: ...


class PatchedId(Protocol[P]):
    """An id, by the fields that a patch of its document may change."""

    def __document__(self) -> Patched[P]: ...


class PatchedIdOf(PatchedId[P], Protocol[D, P]):
    """The same, of the class `D` and no other."""

    def __table__(self, table: type[D], /) -> type[D]: ...


class Made(Protocol[P]):
    """A document class, by the fields of its whole document."""

    def __call__(self, *_: P.args, **fields: P.kwargs) -> object: ...


class ReplacedId(Protocol[P]):
    """An id, by the fields of its whole document."""

    def __document__(self) -> Made[P]: ...


class DocumentWithTheseFields:
    """No class of an app, so that of all ids only `Id[Any]` may be one of it.

    Its name is what mypy says to have expected where fields do not fit.
    """
