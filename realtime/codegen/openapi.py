"""The HTTP API of an app as an OpenAPI 3.1 document: one path for each public function.

Calls go to `/api/run/{module}/{function}`; schemas are made from validators. Values that plain
JSON cannot hold are encoded in arguments (`{"$integer": …}`) and clean in results.

Source: contract 2.2 (bodies), 3.1 and 3.2 (values).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

from realtime.casing import wire_name
from realtime.codegen.docstrings import argument_docs, field_docs
from realtime.codegen.document_types import DocumentTypes
from realtime.codegen.function_tree import DEFAULT
from realtime.codegen.spec import app_functions
from realtime.runtime.registry import AppFunction, LoadedApp
from realtime.values.json_encoding import encode_value
from realtime.values.validators import (
    AnyValidator,
    ArrayValidator,
    BooleanValidator,
    BytesValidator,
    IdValidator,
    Int64Validator,
    IntegerValidator,
    LiteralValidator,
    NullValidator,
    NumberValidator,
    ObjectValidator,
    RecordValidator,
    StringValidator,
    UnionValidator,
    Validator,
)
from realtime.values.value import Int64

JsonSchema = dict[str, Any]

_PLAIN_TYPES: Final[Mapping[type[Validator], str]] = {
    BooleanValidator: "boolean",
    IntegerValidator: "integer",
    NullValidator: "null",
    NumberValidator: "number",
    StringValidator: "string",
}
_ANY_OF: Final = wire_name("any_of")
_ADDITIONAL: Final = wire_name("additional_properties")
_LOG_LINES: Final = wire_name("log_lines")
_ERROR_MESSAGE: Final = wire_name("error_message")
_ERROR_DATA: Final = wire_name("error_data")
_REQUEST_BODY: Final = wire_name("request_body")
_OPERATION_ID: Final = wire_name("operation_id")
_CONTENT_ENCODING: Final = wire_name("content_encoding")


def openapi_document(app: LoadedApp, *, title: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI document of an app; the same for the same app."""
    documents = DocumentTypes(app.schema)
    public = [f for f in app_functions(app.registry) if not f.is_internal]
    writer = _SchemaWriter(documents, is_encoded=False)
    tables = {
        name: _described(writer.expanded(document), field_docs(app.schema.tables[name].codec))
        for name, document in documents.by_table.items()
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": {_address(f): {"post": _operation(f, documents)} for f in public},
        "components": {
            "schemas": {**{_schema_name(name): s for name, s in tables.items()}, **_ERRORS},
            wire_name("security_schemes"): {"user": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"user": []}],
    }


class _SchemaWriter:
    """Writes validators as JSON schemas, of encoded values or of clean ones."""

    def __init__(self, documents: DocumentTypes, *, is_encoded: bool) -> None:
        self._documents = documents
        self._is_encoded = is_encoded

    def schema_of(self, validator: Validator) -> JsonSchema:
        """Return the schema of the values that `validator` accepts."""
        table = None if self._is_encoded else self._documents.table_of(validator)
        return self.expanded(validator) if table is None else _reference(_schema_name(table))

    def expanded(self, validator: Validator) -> JsonSchema:
        """Return the same schema, written out also where it is that of a table's documents."""
        match validator:
            case AnyValidator():
                return {}
            case IdValidator(table_name=None):
                return {"type": "string"}
            case IdValidator():
                return {"type": "string", "description": f"An id of `{validator.table_name}`"}
            case Int64Validator():
                return self._special("$integer", {"type": "string", "format": "int64"})
            case BytesValidator():
                return self._special("$bytes", {"type": "string", _CONTENT_ENCODING: "base64"})
            case LiteralValidator():
                return {"const": self._literal(validator)}
            case ArrayValidator():
                return {"type": "array", "items": self.schema_of(validator.element)}
            case RecordValidator():
                return {"type": "object", _ADDITIONAL: self.schema_of(validator.values)}
            case UnionValidator():
                members = [self.schema_of(member) for member in validator.members]
                return {_ANY_OF: members} if members else {"not": {}}
            case ObjectValidator():
                return self._object(validator)
            case _:
                return {"type": _PLAIN_TYPES[type(validator)]}

    def _special(self, name: str, clean: JsonSchema) -> JsonSchema:
        """Return the schema of a value that plain JSON has no place for."""
        if not self._is_encoded:
            return clean
        encoded = {"type": "string", _CONTENT_ENCODING: "base64"}
        return _object_schema({name: encoded}, [name])

    def _literal(self, validator: LiteralValidator) -> Any:
        value = validator.value
        if isinstance(value, Int64) and not self._is_encoded:
            return str(int(value))
        return encode_value(value)

    def _object(self, validator: ObjectValidator) -> JsonSchema:
        properties = {n: self.schema_of(entry.validator) for n, entry in validator.fields.items()}
        required = [name for name, entry in validator.fields.items() if not entry.optional]
        return _object_schema(properties, required)


def _operation(function: AppFunction, documents: DocumentTypes) -> dict[str, Any]:
    args = _described(
        _SchemaWriter(documents, is_encoded=True).schema_of(function.signature.args_validator),
        argument_docs(function),
    )
    returns = _SchemaWriter(documents, is_encoded=False).schema_of(
        function.signature.returns_validator or AnyValidator()
    )
    operation: dict[str, Any] = {
        _OPERATION_ID: function.path,
        "tags": [function.kind],
        _REQUEST_BODY: {"required": True, "content": _json(_body(args))},
        "responses": {
            "200": {
                "description": "What the function returned, or why it failed",
                "content": _json({_ANY_OF: [_success(returns), _reference(_FAILURE)]}),
            },
            "4XX": {"description": "The call was refused", "content": _json(_reference(_REFUSAL))},
            "5XX": {"description": "Try again later", "content": _json(_reference(_REFUSAL))},
        },
    }
    lines = inspect.cleandoc(function.handler.__doc__ or "").strip()
    if lines:
        operation["summary"] = lines.splitlines()[0]
        operation["description"] = lines
    return operation


def _described(schema: JsonSchema, docs: Mapping[str, str]) -> JsonSchema:
    """Return the schema of an object, with what `docs` say of its members."""
    members = schema.get("properties", {})
    told = {n: {**members[n], "description": text} for n, text in docs.items() if n in members}
    return {**schema, "properties": {**members, **told}} if told else schema


def _address(function: AppFunction) -> str:
    module, _, name = function.path.partition(":")
    return f"/api/run/{module}/{name or DEFAULT}"


def _body(args: JsonSchema) -> JsonSchema:
    formats = {"enum": ["json", "convex_encoded_json"], "default": "json"}
    return _object_schema({"args": args, "format": formats}, ["args"])


def _success(returns: JsonSchema) -> JsonSchema:
    properties = {"status": {"const": "success"}, "value": returns, _LOG_LINES: _TEXTS}
    return _object_schema(properties, ["status", "value"])


def _schema_name(table: str) -> str:
    return f"tables.{table}"


def _reference(name: str) -> JsonSchema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: JsonSchema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _object_schema(properties: JsonSchema, required: list[str]) -> JsonSchema:
    schema: JsonSchema = {"type": "object", "properties": properties, _ADDITIONAL: False}
    return {**schema, "required": required} if required else schema


_TEXTS: Final[JsonSchema] = {"type": "array", "items": {"type": "string"}}
_FAILURE: Final = "failure"
_REFUSAL: Final = "refusal"
_ERRORS: Final[JsonSchema] = {
    _FAILURE: _object_schema(
        {
            "status": {"const": "error"},
            _ERROR_MESSAGE: {"type": "string"},
            _ERROR_DATA: {},
            _LOG_LINES: _TEXTS,
        },
        ["status", _ERROR_MESSAGE],
    ),
    _REFUSAL: _object_schema(
        {"code": {"type": "string"}, "message": {"type": "string"}}, ["code", "message"]
    ),
}
