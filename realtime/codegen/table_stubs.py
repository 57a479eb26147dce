"""What a stub adds for one document class: its patches, and a query that knows its indexes.

A query has an overload for each index and each number of its first fields that are given: those
are keywords, and a bound is on the field after them. So a field that an index does not have, that
is not next, or that has another type is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from realtime.codegen.typescript_types import quoted
from realtime.schema.index import Index, index_fields

_IMPORTS: Final = {
    "typing": ("Any", "ClassVar", "Literal", "overload"),
    "realtime": ("Id", "Index", "TableQuery", "Unset"),
    "realtime.schema.index": ("Bound", "IndexField"),
}
"""What a stub needs beside what its module imports; with an underscore in front of each name."""

_TIE_BREAKERS: Final = ("creation_time", "id")


def needed_imports(text: str) -> str:
    """Return the imports for what `text` uses beside the names of its module."""
    lines: list[str] = []
    for module, names in _IMPORTS.items():
        used = [f"{name} as _{name}" for name in names if re.search(rf"\b_{name}\b", text)]
        if used:
            lines.append(f"from {module} import {', '.join(used)}\n")
    return "".join(lines)


class TableStub:
    """The additions for one document class; types are texts by the Python names of fields."""

    def __init__(
        self, class_name: str, field_types: Mapping[str, str], indexes: Mapping[str, Index]
    ) -> None:
        self.indexes = indexes
        self._class_name = class_name
        self._field_types = field_types
        self._types = {**field_types, "creation_time": "float", "id": f"_Id[{class_name}]"}

    def members(self) -> str:
        """Return what the class itself gains."""
        fields = "".join(f"    {name}: {text} = ...,\n" for name, text in self._field_types.items())
        parameters = f"\n    _cls,\n    *,\n{fields}" if fields else "_cls"
        return (
            f"@classmethod\ndef __changes__({parameters}) -> None: ...\n"
            f"@classmethod\ndef __query__(_cls) -> _{self._class_name}Query: ...\n"
        )

    def index_declaration(self, name: str) -> str:
        """Return the statement that takes the place of an index's own."""
        return f"{name}: _ClassVar[{self._index_class(name)}]"

    def classes(self) -> str:
        """Return the classes of its indexes and of its queries."""
        found = [self._index(name, index_fields(index)) for name, index in self.indexes.items()]
        return "\n\n".join([*found, self._query()])

    def _index_class(self, name: str) -> str:
        return f"_{self._class_name}_{name}"

    def _index(self, name: str, fields: tuple[str, ...]) -> str:
        lines: dict[str, str] = {}
        for field in (*fields, *_TIE_BREAKERS):
            first, _, rest = field.partition(".")
            type_ = f"[_Literal[{quoted(field)}], {self._type(field)}]"
            lines[first] = f"    {first}: _IndexField{'' if rest else type_}\n"
        return (
            f"class {self._index_class(name)}(_Index[_Literal[{quoted(name)}]]):\n"
            f"{''.join(lines.values())}"
            "    def __getattr__(self, name: str) -> object: ...\n"
        )

    def _query(self) -> str:
        overloads: list[str] = []
        for name, index in self.indexes.items():
            overloads += self._overloads(name, (*index_fields(index), *_TIE_BREAKERS))
        overloads += self._overloads("by_creation_time", _TIE_BREAKERS)
        overloads += self._overloads("by_id", ("id",))
        name = self._class_name
        return f"class _{name}Query(_TableQuery[{name}]):\n{''.join(overloads)}"

    def _overloads(self, name: str, fields: tuple[str, ...]) -> Iterator[str]:
        """Write an overload for each number of first fields that are given."""
        for count, field in enumerate(fields):
            bound = f"_Bound[_Literal[{quoted(field)}], {self._type(field)}]"
            yield self._overload(name, fields[:count], bound)
            if "." in field:
                # It can't be the name of a parameter: from here on any keywords are taken.
                later = ", ".join(map(quoted, fields[count + 1 :]))
                bound = f"_Bound[_Literal[{later}], _Any]"
                yield self._overload(name, fields[:count], bound, "**equals: _Any")
                return
        yield self._overload(name, fields, None)

    def _overload(self, name: str, given: tuple[str, ...], bound: str | None, *rest: str) -> str:
        literal = f"_Literal[{quoted(name)}]"
        is_built_in = name not in self.indexes
        index = literal if is_built_in else f"{literal} | _Index[{literal}]"
        parameters = [
            _other_than("self", given),
            f"{_other_than('index', given)}: {index}",
            "/",
            "*" if bound is None else f"*{_other_than('bounds', given)}: {bound}",
            *(f"{field}: {self._type(field)}" for field in given),
            *rest,
        ]
        listed = "".join(f"        {parameter},\n" for parameter in parameters)
        return (
            f"    @_overload\n    def with_index(\n{listed}"
            f"    ) -> _TableQuery[{self._class_name}]: ...\n"
        )

    def _type(self, field: str) -> str:
        return self._types.get(field, "_Any")


def _other_than(name: str, fields: Iterable[str]) -> str:
    return f"_{name}" if name in fields else name
