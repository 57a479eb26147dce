"""How validators are spelled in TypeScript."""

from __future__ import annotations

import pytest

from realtime import Int64, v
from realtime.codegen.document_types import DocumentTypes
from realtime.codegen.typescript_types import TypeWriter, doc_comment, field_paths, quoted
from realtime.schema.schema import EMPTY_SCHEMA
from realtime.values.validators import Validator


def written(validator: Validator) -> str:
    return TypeWriter(DocumentTypes(EMPTY_SCHEMA)).type_of(validator)


@pytest.mark.parametrize(
    ("validator", "expected"),
    [
        (v.null(), "null"),
        (v.number(), "number"),
        (v.integer(), "number"),
        (v.int64(), "bigint"),
        (v.boolean(), "boolean"),
        (v.string(), "string"),
        (v.bytes(), "ArrayBuffer"),
        (v.any(), "any"),
        (v.id("_storage"), 'Id<"_storage">'),
        (v.id("undeclared"), 'GenericId<"undeclared">'),
        (v.literal("a"), '"a"'),
        (v.literal('a"\n\\\u2028'), '"a\\"\\n\\\\\\u2028"'),
        (v.literal(True), "true"),
        (v.literal(5), "5"),
        (v.literal(-0.5), "-0.5"),
        (v.literal(1e300), "1e+300"),
        (v.literal(float("nan")), "number"),
        (v.literal(Int64(-7)), "-7n"),
        (v.array(v.string()), "Array<string>"),
        (v.array(v.union(v.string(), v.null())), "Array<string | null>"),
        (v.record(v.string(), v.number()), "Record<string, number>"),
        (v.union(v.string(), v.number()), "string | number"),
        (v.union(v.number(), v.integer()), "number"),
        (v.union(), "never"),
        (v.object({}), "Record<string, never>"),
        (v.object({"b": v.optional(v.string()), "a": v.null()}), "{ a: null; b?: string }"),
        (v.pagination_options(), "PaginationOptions"),
    ],
    ids=str,
)
def test_validator_is_spelled_as_its_type(validator: Validator, expected: str) -> None:
    assert written(validator) == expected


def test_object_that_only_resembles_a_page_is_written_out() -> None:
    page = v.object({"page": v.array(v.string()), "isDone": v.boolean()})

    assert written(page) == "{ isDone: boolean; page: Array<string> }"


def test_names_that_a_type_needs_are_kept() -> None:
    writer = TypeWriter(DocumentTypes(EMPTY_SCHEMA))

    writer.type_of(v.array(v.union(v.id("_storage"), v.id("other"))))

    assert writer.used_names == {"Id", "GenericId"}


def test_fields_within_objects_unions_and_records_have_paths() -> None:
    inner = v.object({"b": v.union(v.null(), v.object({"c": v.string()}))})
    document = v.object({"a": inner, "r": v.record(v.string(), v.string())})

    assert field_paths(document) == ['"a"', '"a.b"', '"a.b.c"', '"r"', "`r.${string}`"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ""),
        ("  ", ""),
        ("One line.", "  /** One line. */\n"),
        ("Ends */ early.", "  /** Ends *\\/ early. */\n"),
        (
            "One.\n\n    Two  \n    three.\n",
            "  /**\n   * One.\n   *\n   * Two\n   * three.\n   */\n",
        ),
    ],
)
def test_docstring_is_a_comment(text: str | None, expected: str) -> None:
    assert doc_comment(text, "  ") == expected


def test_text_is_quoted_on_one_line() -> None:
    assert quoted("ä\u2029\n") == '"ä\\u2029\\n"'
