"""Generated types are TypeScript, and hold exactly what their validators accept, for a sample.

Every validator gets a type, and constants of that type: values that it accepts, and one that
nothing but `any` may hold. One run of the compiler looks at many validators.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from realtime import Int64, v
from realtime.codegen.document_types import DocumentTypes
from realtime.codegen.typescript_types import TypeWriter, property_name
from realtime.values.validators import (
    AnyValidator,
    ArrayValidator,
    BooleanValidator,
    BytesValidator,
    IdValidator,
    Int64Validator,
    LiteralValidator,
    NullValidator,
    ObjectValidator,
    RecordValidator,
    StringValidator,
    UnionValidator,
    Validator,
)
from tests.harness.typescript import depot_app, type_errors, write_project

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("node")]

IMPORTS = """\
import type { PaginationOptions, PaginationResult } from "convex/server";
import type { GenericId } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel.js";
declare const none: symbol;
"""
names = st.sampled_from(["a", "b", "class", "default", "aB", "_x", "toJSON"])
literals = st.sampled_from(
    ["", 'a"b\\', "*/", "\u2028`${", 0.0, -1.5, 1e300, True, False, Int64(-(2**63)), math.inf]
).map(LiteralValidator)
leaves = literals | st.sampled_from(
    [
        v.null(),
        v.number(),
        v.integer(),
        v.int64(),
        v.boolean(),
        v.string(),
        v.bytes(),
        v.any(),
        v.id("parcels"),
        v.id("_storage"),
        v.id("undeclared"),
        IdValidator(),
        v.pagination_options(),
    ]
)


def _composites(inner: st.SearchStrategy[Validator]) -> st.SearchStrategy[Validator]:
    members = st.tuples(inner, st.booleans()).map(lambda m: v.optional(m[0]) if m[1] else m[0])
    keys = st.sampled_from([v.string(), v.id("parcels"), v.union(v.string(), v.id("items"))])
    return (
        inner.map(v.array)
        | st.dictionaries(names, members, max_size=3).map(v.object)
        | st.builds(v.record, keys, inner)
        | st.lists(inner, max_size=3).map(lambda found: v.union(*found))
    )


validators = st.recursive(leaves, _composites, max_leaves=6)


def accepted(validator: Validator) -> list[str]:
    """Return expressions of values that `validator` accepts."""
    if validator == v.pagination_options():  # the client's type has no `id`: it adds one itself
        return ["{ numItems: 5, cursor: null }"]
    match validator:
        case AnyValidator():
            return ["null", '"x"']
        case NullValidator():
            return ["null"]
        case BooleanValidator():
            return ["true", "false"]
        case Int64Validator():
            return ["-5n"]
        case StringValidator() | IdValidator(table_name=None):
            return ['"text"']
        case BytesValidator():
            return ["new ArrayBuffer(1)"]
        case IdValidator():
            return [f'"x" as GenericId<"{validator.table_name}">']
        case LiteralValidator():
            return [_literal(validator.value)]
        case ArrayValidator():
            return ["[]", *(f"[{item}]" for item in accepted(validator.element))]
        case RecordValidator():
            return ["{}"]
        case UnionValidator():
            return [text for member in validator.members for text in accepted(member)]
        case ObjectValidator():
            return _objects(validator)
        case _:
            return ["-1", "1e300"]


def _literal(value: Any) -> str:
    if isinstance(value, Int64):
        return f"{int(value)}n"
    return "Infinity" if value == math.inf else json.dumps(value)


def _objects(validator: ObjectValidator) -> list[str]:
    fields = {name: (accepted(f.validator), f.optional) for name, f in validator.fields.items()}
    if any(not found and not optional for found, optional in fields.values()):
        return []
    full = [f"{property_name(n)}: {found[0]}" for n, (found, _) in fields.items() if found]
    least = [f"{property_name(n)}: {f[0]}" for n, (f, optional) in fields.items() if not optional]
    return [f"{{ {', '.join(full)} }}", f"{{ {', '.join(least)} }}"]


def holds_anything(validator: Validator) -> bool:
    members = validator.members if isinstance(validator, UnionValidator) else ()
    return isinstance(validator, AnyValidator) or any(map(holds_anything, members))


# Shrinking would run the compiler for minutes; its message names the line as it is.
@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(validators, min_size=60, max_size=100))
def test_generated_type_holds_what_the_validator_accepts(found: list[Validator]) -> None:
    app = depot_app()
    writer = TypeWriter(DocumentTypes(app.schema))
    lines = [IMPORTS]
    for number, validator in enumerate(found):
        lines.append(f"export type T{number} = {writer.type_of(validator)};")
        for position, text in enumerate(accepted(validator)):
            lines.append(f"export const v{number}_{position}: T{number} = {text};")
        if not holds_anything(validator):
            lines.append("// @ts-expect-error")
            lines.append(f"export const w{number}: T{number} = none;")
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder, app)
        (folder / "types.ts").write_text("\n".join(lines))

        text = (folder / "types.ts").read_text().splitlines()
        errors = [
            (text[line - 1], error)
            for in_file in type_errors(folder).values()
            for line, error in in_file
        ]
        assert errors == []
