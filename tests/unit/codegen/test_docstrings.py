"""What Python says of arguments and fields, as it reaches comments and descriptions."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime.codegen.docstrings import argument_docs, field_docs
from realtime.codegen.openapi import openapi_document
from realtime.codegen.typescript import typescript_files
from realtime.runtime.registry import LoadedApp, load_app
from tests.harness.written_app import write_app


def function_with(docstring: str) -> str:
    return (
        "@query\nasync def f(ctx: QueryCtx, first_name: str, b: float = 0) -> None:\n"
        f"    {docstring!r}\n"
    )


def app_with(root: Path, functions: str, schema: str = "") -> LoadedApp:
    return load_app(write_app(root, functions, schema))


@pytest.mark.parametrize(
    "docstring",
    [
        "Do.\n\n    Args:\n      first_name: The first.\n      b: The second,\n          more.",
        "Do.\n\n    Arguments:\n      first_name (str): The first.\n\n      b (float, None): The\n"
        "        second, more.\n\n    Returns:\n      nothing: at all",
        "Do.\n\n    :param str first_name: The first.\n    :param b: The second,\n      more.\n"
        "    :returns: nothing",
    ],
    ids=["args", "with-types", "params"],
)
def test_arguments_are_described_by_their_function(tmp_path: Path, docstring: str) -> None:
    app = app_with(tmp_path, function_with(docstring))

    docs = argument_docs(app.registry.functions["m:f"])

    assert docs == {"firstName": "The first.", "b": "The second, more."}


@pytest.mark.parametrize(
    "docstring", ["", "Do.", "Do.\n\nArgs:", "Args: b: no", "Do.\n\nRaises:\n    b: no", "b: no"]
)
def test_docstring_without_arguments_describes_none(tmp_path: Path, docstring: str) -> None:
    app = app_with(tmp_path, function_with(docstring))

    assert argument_docs(app.registry.functions["m:f"]) == {}


def test_arguments_with_validators_are_described_by_wire_name(tmp_path: Path) -> None:
    app = app_with(
        tmp_path,
        '''
        @query(args={"firstName": v.string()})
        async def f(ctx: QueryCtx, args: Any) -> None:
            """Do it.

            Args:
                firstName: The first.
            """
        ''',
    )

    assert argument_docs(app.registry.functions["m:f"]) == {"firstName": "The first."}
    assert "{ /** The first. */ firstName: string }" in typescript_files(app)["api.d.ts"]


SCHEMA = '''
class Base(Document, table="bases"):
    """A base."""

    name: str
    """What it is called."""
    other: str
    "Replaced below."

class Part(Base, table="parts"):
    weight_kg: float
    """
    In kilograms.

    As on the scales.
    """
    by_name = Index("name")
    """No field."""
    other: str
    """Something else."""
    plain: str
'''


def test_string_below_a_field_describes_it_also_in_a_subclass(tmp_path: Path) -> None:
    app = app_with(tmp_path, "", SCHEMA)

    assert field_docs(app.schema.tables["parts"].codec) == {
        "name": "What it is called.",
        "other": "Something else.",
        "weightKg": "In kilograms.\n\nAs on the scales.",
    }


def test_descriptions_reach_typescript_and_openapi(tmp_path: Path) -> None:
    functions = function_with("Do.\n\nArgs:\n    first_name: The first.")
    app = app_with(tmp_path, functions, SCHEMA)

    model = typescript_files(app)["dataModel.d.ts"]
    assert "      /** What it is called. */\n      name: string;\n" in model
    document = openapi_document(app, title="", version="")
    parts = document["components"]["schemas"]["tables.parts"]["properties"]
    assert parts["name"] == {"type": "string", "description": "What it is called."}
    body = document["paths"]["/api/run/m/f"]["post"]["requestBody"]["content"]["application/json"]
    args = body["schema"]["properties"]["args"]["properties"]
    assert args["firstName"]["description"] == "The first." and "description" not in args["b"]
