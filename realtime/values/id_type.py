"""`Id[Message]`: the id of a document, a string that knows its table.

For type checkers `Id[Message]` and `Id[Session]` are different classes of strings. At run time an
id is a plain `str`, so that it costs nothing and JSON decoders know it: `Id[Message]` evaluates to
`Annotated[str, IdOf(Message)]`, and `Id("…")` to the string itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from realtime.errors import DefinitionError

_D = TypeVar("_D")


@dataclass(frozen=True, slots=True)
class IdOf:
    """What an id annotation refers to: a document class, the name of a table, or None for any."""

    target: type[Any] | str | None

    @property
    def table_name(self) -> str | None:
        """Return the name of the table, or None for the id of any table."""
        if self.target is None or isinstance(self.target, str):
            return self.target
        name: str = self.target.__table_name__
        return name


if TYPE_CHECKING:

    class Id(str, Generic[_D]):
        """The id of a document of class `_D`; of any document if bare."""

        def __document__(self) -> type[_D]:
            """Only for type checkers, which it leads from an id to the class."""
            ...

        def __table__(self, table: type[_D], /) -> type[_D]:
            """Only for type checkers, which it keeps from taking an id for one of a base class."""
            ...

else:

    class Id:
        """The id of a document: `Id[Message]`, `Id["messages"]`, or `Id` for that of any table.

        At run time an id is a plain `str`.
        """

        def __new__(cls, text: str) -> str:
            return str(text)

        def __class_getitem__(cls, target: Any) -> Any:
            if isinstance(target, (str, TypeVar)) or hasattr(target, "__table_name__"):
                return Annotated[str, IdOf(None if isinstance(target, TypeVar) else target)]
            # `Id[Any]` is the bare `Id`, spelled for strict type checkers.
            if target is Any:
                return Annotated[str, IdOf(None)]
            raise DefinitionError(
                f"Expected a document class or the name of a table in `Id[…]`, got `{target!r}`"
            )
