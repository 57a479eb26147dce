"""`Document`: a table as a class, its documents as typed, immutable objects.

For type checkers a document class is a frozen dataclass whose keyword parameters are its own
fields; `id` and `creation_time` are read-only properties, as the database gives them. At run time
it is a msgspec struct in which they are ordinary fields, so that one decoder call makes the whole
object.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import msgspec
from typing_extensions import dataclass_transform

from realtime.errors import DefinitionError
from realtime.schema.document_codec import CREATION_TIME_FIELD, ID_FIELD, DocumentCodec
from realtime.schema.index import (
    Bound,
    BoundOperator,
    Index,
    IndexField,
    gt,
    gte,
    index_fields,
    index_name,
    is_index,
    lt,
    lte,
)
from realtime.values.id_type import Id
from realtime.values.struct import INHERIT_RENAME, Rename, StructMeta, field
from realtime.values.value import UNSET

__all__ = [
    "Bound",
    "BoundOperator",
    "Document",
    "DocumentMeta",
    "Index",
    "IndexField",
    "gt",
    "gte",
    "index_fields",
    "index_name",
    "lt",
    "lte",
]

_SYSTEM_NAMES = {"id": ID_FIELD, "creation_time": CREATION_TIME_FIELD}


class DocumentMeta(StructMeta):
    """Makes document classes: structs with a table and indexes."""

    __table_name__: str | None
    __indexes__: Mapping[str, Index]

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        table: str | None = None,
        rename: Any = INHERIT_RENAME,
    ) -> Any:
        """Make the class.

        Raises:
            DefinitionError: the table is missing, or a field takes the place of `id` or
                `creation_time`.
        """
        documents = [base for base in bases if isinstance(base, DocumentMeta)]
        body = dict(namespace)
        indexes: dict[str, Index] = {}
        for base in reversed(documents):
            indexes.update(base.__indexes__)
        indexes.update((key, item) for key, item in namespace.items() if is_index(item))
        body["__indexes__"] = MappingProxyType(indexes)
        body["__table_name__"] = table
        cls: Any = super().__new__(mcls, name, bases, body, rename=rename)
        if documents:
            _check_document(cls, table)
        return cls


def _check_document(cls: DocumentMeta, table: object) -> None:
    name, place = cls.__name__, cls.__definition_place__
    if not isinstance(table, str):
        got = "none" if table is None else f"`{table!r}`"
        raise DefinitionError(
            f'Expected the name of a table in `class {name}(Document, table="…")`, got {got}',
            place=place,
        )
    for python_name, wire_name in zip(
        cls.__struct_fields__, cls.__struct_encode_fields__, strict=True
    ):
        system_name = _SYSTEM_NAMES.get(python_name)
        if system_name is not None and system_name != wire_name:
            raise DefinitionError(
                f"Field `{python_name}` of `{name}` is set by the database: give yours another "
                f'name, such as `{python_name}_: … = field(name="{wire_name}")`',
                place=place,
            )
        if system_name is None and wire_name.startswith("_"):
            raise DefinitionError(
                f"Field `{python_name}` of `{name}` has the wire name `{wire_name}`: an underscore "
                "in front is only allowed for system fields like `_id`",
                place=place,
            )


if TYPE_CHECKING:

    @dataclass_transform(
        kw_only_default=True, frozen_default=True, eq_default=True, field_specifiers=(field,)
    )
    class Document:
        """A document of the table that the class keyword `table` names; immutable.

        Its fields are those of a `Struct`; `Index` attributes without annotation are the indexes of
        the table. `rename=None` keeps the Python names on the wire.
        """

        __table_name__: ClassVar[str]
        __indexes__: ClassVar[Mapping[str, Index]]

        def __init_subclass__(cls, *, table: str, rename: Rename = ...) -> None: ...

        @property
        def id(self) -> Id[Self]:
            """The document's id."""
            ...

        @property
        def creation_time(self) -> float:
            """When it was created, in milliseconds since the Unix epoch; unique and increasing."""
            ...

        @classmethod
        def __codec__(cls) -> DocumentCodec: ...

        @classmethod
        def __changes__(cls, **changes: Any) -> None:
            """Only for type checkers: what `patch` takes. A generated stub names the fields."""
            ...
else:

    class Document(msgspec.Struct, metaclass=DocumentMeta):
        """A document of the table that the class keyword `table` names; immutable.

        Its fields are those of a `Struct`; `Index` attributes without annotation are the indexes of
        the table. `rename=None` keeps the Python names on the wire.
        """

        id: str = msgspec.field(default=UNSET, name=ID_FIELD)
        """The document's id, given by the database."""
        creation_time: float = msgspec.field(default=UNSET, name=CREATION_TIME_FIELD)
        """When it was created, in milliseconds since the Unix epoch; unique and increasing."""

        @classmethod
        def __codec__(cls) -> DocumentCodec:
            return DocumentCodec(cls)
