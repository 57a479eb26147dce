"""Stubs of an app's schema, with which type checkers know what `patch` and `with_index` take.

    schema.pyi      beside `schema.py`: what type checkers read in its place

A stub is the text of its module. Each document class in it gains `__changes__`, the fields that a
patch may have, and `__query__`, a query that knows the indexes; each index is declared with its
name and its fields. `ctx.db` asks the class for these (`runtime/typed_tables.py`). So no function
changes a line, nothing is imported at run time, and a checker looks at one class for each call,
however many tables there are. Rejected: contexts of the app's own with an overload for each table,
as `_generated/server` in TypeScript. They are looked through one after another at every call, which
took four to eight times as long for 200 tables, and can't tell the indexes of a class apart.

Annotations are copied as they are written, as they mean the same in the stub. A field inherited
from a class in another file is `Any` there, and so is a field inside of an object.
"""

from __future__ import annotations

import ast
import inspect
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from realtime.codegen.output import MADE_BY, is_generated
from realtime.codegen.table_stubs import TableStub, needed_imports
from realtime.errors import DefinitionError
from realtime.runtime.registry import LoadedApp
from realtime.schema.document_codec import CREATION_TIME_FIELD, ID_FIELD, DocumentCodec
from realtime.values.annotations import is_optional
from realtime.values.struct import definition_place
from realtime.values.type_hints import resolved_hints

_MARK: Final = f"# {MADE_BY} --stubs`"

_HEAD: Final = """\
{mark} from `{name}`, which this stands for to type checkers: do not edit.
# ruff: noqa
# fmt: off
# mypy: disable-error-code="override"
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false
# pyright: reportOverlappingOverload=false
"""
_SYSTEM_FIELDS: Final = frozenset({ID_FIELD, CREATION_TIME_FIELD})


class _Edit(NamedTuple):
    """A part of a text, by its first byte and the one after it, and what takes its place."""

    begin: int
    end: int
    text: str


def stub_files(app: LoadedApp) -> dict[str, str]:
    """Return the text of each stub by its path in the app's folder; the same for the same app.

    Raises:
        DefinitionError: A file is no Python any more.
    """
    classes: dict[Path, list[DocumentCodec]] = {}
    for _, table in sorted(app.schema.tables.items()):
        place = None if table.codec is None else definition_place(table.codec.document_class)
        if table.codec is not None and place is not None:
            file = Path(place.rpartition(":")[0])
            if file.is_relative_to(app.root) and "site-packages" not in file.parts:
                classes.setdefault(file, []).append(table.codec)
    return {
        file.relative_to(app.root).with_suffix(".pyi").as_posix(): _Stub(file, codecs).text()
        for file, codecs in sorted(classes.items())
    }


def foreign_stubs(folder: Path, files: Iterable[str]) -> list[Path]:
    """Return the paths of those of `files` that stand in `folder` and were written by hand."""
    paths = [folder / name for name in files if (folder / name).is_file()]
    return [path for path in paths if not is_generated(path)]


class _Stub:
    """Writes the stub of one module."""

    def __init__(self, file: Path, codecs: Iterable[DocumentCodec]) -> None:
        self._name = file.name
        self._codecs = {codec.document_class.__name__: codec for codec in codecs}
        try:
            with tokenize.open(file) as stream:
                self._read(stream.read())
        except SyntaxError as error:  # it was saved once more since it was loaded
            place = f"{file}:{error.lineno}"
            raise DefinitionError(f"SyntaxError: {error.msg}", place=place) from None
        if any(node.body[0].lineno == node.lineno for node in self._document_nodes()):
            # A body on the line of its `class` has no room for more lines.
            self._read(ast.unparse(self._tree))

    def text(self) -> str:
        """Return the whole text."""
        edits = list(_reexports(self._tree, self._line_begins))
        tables: list[TableStub] = []
        for node in self._document_nodes():
            codec = self._codecs[node.name]
            table = TableStub(node.name, self._field_types(codec), codec.document_class.__indexes__)
            tables.append(table)
            edits += self._class_edits(node, table)
        added = "\n\n".join(table.classes() for table in tables)
        imports = needed_imports(added + "".join(edit.text for edit in edits))
        begin = self._after_future_imports()
        copied = _edited(self._source, [*edits, _Edit(begin, begin, imports)])
        head = _HEAD.format(mark=_MARK, name=self._name)
        return f"{head}{copied.rstrip()}\n\n\n{added}"

    def _read(self, source: str) -> None:
        self._source = source.encode()
        self._tree = ast.parse(source)
        self._nodes = {
            node.name: node for node in self._tree.body if isinstance(node, ast.ClassDef)
        }
        self._line_begins = [0]
        for line in self._source.splitlines(keepends=True):
            self._line_begins.append(self._line_begins[-1] + len(line))

    def _document_nodes(self) -> list[ast.ClassDef]:
        """Return the statements of the document classes; one that code has made has none."""
        return [node for name, node in self._nodes.items() if name in self._codecs]

    def _class_edits(self, node: ast.ClassDef, table: TableStub) -> Iterator[_Edit]:
        for statement in node.body:
            name = _assigned_name(statement)
            if name in table.indexes:
                yield self._replaced(statement, table.index_declaration(name))
        end = self._line_begins[node.end_lineno or node.lineno]
        first = self._line_begins[node.body[0].lineno - 1]
        indent = self._source[first : first + node.body[0].col_offset].decode()
        lines = "".join(f"{indent}{line}\n" for line in table.members().splitlines())
        is_last = end == len(self._source) and not self._source.endswith(b"\n")
        yield _Edit(end, end, f"\n{lines}" if is_last else lines)

    def _after_future_imports(self) -> int:
        """Return where imports may begin: pyright knows the names of those above alone."""
        last = 0
        for node in self._tree.body:
            is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
            if not (is_docstring or is_future):
                break
            last = node.end_lineno or node.lineno
        return self._line_begins[last]

    def _replaced(self, node: ast.stmt, text: str) -> _Edit:
        end_line = node.end_lineno or node.lineno
        end_column = node.end_col_offset or node.col_offset
        return _Edit(
            self._line_begins[node.lineno - 1] + node.col_offset,
            self._line_begins[end_line - 1] + end_column,
            text,
        )

    def _field_types(self, codec: DocumentCodec) -> dict[str, str]:
        """Return the types of a document's own fields as texts, by Python name."""
        document_class: Any = codec.document_class
        hints = resolved_hints(document_class, {})
        types: dict[str, str] = {}
        for name, field in codec.fields.items():
            if field.wire_name not in _SYSTEM_FIELDS:
                written = self._annotation(document_class, name)
                # A field with a default may be missing too, so a patch may remove it.
                is_removable = field.optional and not is_optional(hints[name])
                types[name] = f"{written} | _Unset" if is_removable else written
        return types

    def _annotation(self, document_class: type[Any], field: str) -> str:
        owner = next(
            base for base in document_class.__mro__ if field in inspect.get_annotations(base)
        )
        node = self._nodes.get(owner.__name__)
        if node is None or owner.__module__ != document_class.__module__:
            return "_Any"
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and _assigned_name(statement) == field:
                annotation = statement.annotation
                if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
                    return annotation.value
                return ast.unparse(annotation)
        return "_Any"


def _assigned_name(statement: ast.stmt) -> str:
    """Return the name that a statement assigns or declares, empty for another statement."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case _:
            return ""


def _reexports(tree: ast.Module, line_begins: list[int]) -> Iterator[_Edit]:
    """Let what a module imports be imported from it: in a stub that has to be said."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                if alias.asname is None and alias.name.isidentifier():
                    end = (
                        line_begins[alias.lineno - 1] + alias.col_offset + len(alias.name.encode())
                    )
                    yield _Edit(end, end, f" as {alias.name}")


def _edited(source: bytes, edits: Iterable[_Edit]) -> str:
    parts: list[bytes] = []
    position = 0
    for edit in sorted(edits):
        parts += [source[position : edit.begin], edit.text.encode()]
        position = edit.end
    return b"".join([*parts, source[position:]]).decode()
