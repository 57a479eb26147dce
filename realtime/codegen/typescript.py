"""The TypeScript side of an app: what a front end imports as `_generated/api` and its types.

    api.js            what runs: references that know their path, made as they are read
    api.d.ts          each function with its arguments and result, docstrings as comments
    dataModel.d.ts    the documents of each table, and the types of ids

Source: contract 10.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from realtime.codegen.docstrings import argument_docs, field_docs
from realtime.codegen.document_types import DocumentTypes
from realtime.codegen.function_tree import FunctionTree, function_tree
from realtime.codegen.output import MADE_BY
from realtime.codegen.spec import app_functions
from realtime.codegen.typescript_types import (
    TypeWriter,
    doc_comment,
    field_paths,
    property_name,
    quoted,
)
from realtime.runtime.registry import AppFunction, LoadedApp
from realtime.schema.schema import IndexDefinition, Schema, TableDefinition
from realtime.values.validators import AnyValidator, ObjectValidator, Validator

HEAD: Final = f"// {MADE_BY}` from the app's functions and schema: do not edit.\n\n"

_INDENT: Final = "  "
_API_JS: Final = """\
import { anyApi } from "convex/server";

export const api = anyApi;
export const internal = anyApi;
"""
_ID_TYPES: Final = """\

/** The names of the tables. */
export type TableNames = TableNamesInDataModel<DataModel>;

/** A document of a table, with its system fields. */
export type Doc<TableName extends TableNames> = DocumentByName<DataModel, TableName>;

/** The id of a document of a table. */
export type Id<TableName extends TableNames | SystemTableNames> = GenericId<TableName>;
"""
_API_IMPORTS: Final = {
    "convex/server": ("FunctionReference", "PaginationOptions", "PaginationResult"),
    "convex/values": ("GenericId",),
    "./dataModel.js": ("Doc", "Id"),
}
_MODEL_IMPORTS: Final = {
    "convex/server": (
        "AnyDataModel",
        "DocumentByName",
        "PaginationOptions",
        "PaginationResult",
        "SystemTableNames",
        "TableNamesInDataModel",
    ),
    "convex/values": ("GenericId",),
}


def typescript_files(app: LoadedApp) -> dict[str, str]:
    """Return the text of each file by name; the same for the same app."""
    documents = DocumentTypes(app.schema)
    return {
        "api.d.ts": _api_types(app, documents),
        "api.js": HEAD + _API_JS,
        "dataModel.d.ts": _data_model(app.schema, documents),
    }


def _api_types(app: LoadedApp, documents: DocumentTypes) -> str:
    writer = TypeWriter(documents)
    functions = app_functions(app.registry)
    public = _tree(function_tree(f for f in functions if not f.is_internal), writer, "")
    internal = _tree(function_tree(f for f in functions if f.is_internal), writer, "")
    return (
        f"{HEAD}{_imports(_API_IMPORTS, writer.used_names)}\n"
        "/** The functions that clients may call. */\n"
        f"export declare const api: {public};\n\n"
        "/** The functions that only other functions and the admin key reach. */\n"
        f"export declare const internal: {internal};\n"
    )


def _tree(tree: FunctionTree, writer: TypeWriter, indent: str) -> str:
    inner = indent + _INDENT
    members = [
        f"{inner}{property_name(name)}: {_tree(tree.children[name], writer, inner)};\n"
        for name in sorted(tree.children)
    ]
    members += [
        f"{doc_comment(tree.functions[name].handler.__doc__, inner)}"
        f"{inner}{property_name(name)}: {_reference(tree.functions[name], writer)};\n"
        for name in sorted(tree.functions)
    ]
    return f"{{\n{''.join(members)}{indent}}}" if members else "{}"


def _reference(function: AppFunction, writer: TypeWriter) -> str:
    visibility = "internal" if function.is_internal else "public"
    args = writer.described(function.signature.args_validator, argument_docs(function))
    returns = writer.type_of(function.signature.returns_validator or AnyValidator())
    name = writer.use("FunctionReference")
    return f"{name}<{quoted(function.kind)}, {quoted(visibility)}, {args}, {returns}>"


def _data_model(schema: Schema, documents: DocumentTypes) -> str:
    writer = TypeWriter(documents)
    tables = "".join(
        _table(schema.tables[name], document, writer)
        for name, document in documents.by_table.items()
    )
    model = f"{{\n{tables}}}" if tables else writer.use("AnyDataModel")
    for name in ("DocumentByName", "GenericId", "SystemTableNames", "TableNamesInDataModel"):
        writer.use(name)
    return (
        f"{HEAD}{_imports(_MODEL_IMPORTS, writer.used_names)}\n"
        "/** The tables: their documents, the paths of fields, and their indexes. */\n"
        f"export type DataModel = {model};\n{_ID_TYPES}"
    )


def _table(table: TableDefinition, document: Validator, writer: TypeWriter) -> str:
    indent = _INDENT * 2
    document_class = None if table.codec is None else table.codec.document_class
    return (
        f"{doc_comment(None if document_class is None else document_class.__doc__, _INDENT)}"
        f"{_INDENT}{property_name(table.name)}: {{\n"
        f"{indent}document: {_document(document, writer, indent, field_docs(table.codec))};\n"
        f"{indent}fieldPaths: {' | '.join(field_paths(document))};\n"
        f"{indent}indexes: {_indexes(table.indexes.values(), indent)};\n"
        f"{indent}searchIndexes: {{}};\n"
        f"{indent}vectorIndexes: {{}};\n"
        f"{_INDENT}}};\n"
    )


def _document(document: Validator, writer: TypeWriter, indent: str, docs: Mapping[str, str]) -> str:
    """Return the type of a table's documents, a line for each field."""
    if not isinstance(document, ObjectValidator):
        members = getattr(document, "members", ())
        parts = [_document(member, writer, indent, docs) for member in members]
        return " | ".join(parts) or writer.expanded(document)
    inner = indent + _INDENT
    fields = "".join(
        f"{doc_comment(docs.get(name), inner)}{inner}{writer.field(name, declared)};\n"
        for name, declared in document.fields.items()
    )
    return f"{{\n{fields}{indent}}}"


def _indexes(indexes: Iterable[IndexDefinition], indent: str) -> str:
    inner = indent + _INDENT
    lines = [f'{inner}by_creation_time: ["_creationTime"];\n', f'{inner}by_id: ["_id"];\n']
    for index in sorted(indexes, key=lambda index: index.name):
        fields = ", ".join(map(quoted, (*index.fields, "_creationTime")))
        lines.append(f"{inner}{property_name(index.name)}: [{fields}];\n")
    return f"{{\n{''.join(lines)}{indent}}}"


def _imports(modules: dict[str, tuple[str, ...]], used: set[str]) -> str:
    return "".join(_import_lines(modules, used))


def _import_lines(modules: dict[str, tuple[str, ...]], used: set[str]) -> Iterator[str]:
    for module, names in modules.items():
        wanted = ", ".join(name for name in names if name in used)
        if wanted:
            yield f"import type {{ {wanted} }} from {quoted(module)};\n"
