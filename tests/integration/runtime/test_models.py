"""Classes of each kind as types of fields, arguments and results: they mean the same everywhere."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from realtime.codegen.openapi import openapi_document
from realtime.codegen.python_client import python_files
from realtime.codegen.spec import function_spec
from realtime.codegen.typescript import typescript_files
from realtime.errors import DefinitionError
from realtime.runtime.registry import load_app
from realtime.values.ids import encode_id
from tests.harness.written_app import write_app, written_app

IMPORTS = """
import msgspec
from dataclasses import dataclass
from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict
T = TypeVar("T")
"""
KINDS = {
    "struct": "class {name}(Struct):\n",
    "typed_dict": "class {name}(TypedDict):\n",
    "dataclass": "@dataclass\nclass {name}:\n",
    "msgspec": "class {name}(msgspec.Struct):\n",
    # pydantic knows the others' classes, and `Unset`, as types that it does not look into.
    "pydantic": "class {name}(BaseModel):\n"
    "    model_config = ConfigDict(arbitrary_types_allowed=True)\n",
}
SIZE = {"width_cm": "float", "unit": "Literal['cm', 'in']"}
PART = {
    "label": "str",
    "size": "Size",
    "sizes": "list[Size]",
    "by_name": "dict[str, Size]",
    "owner_id": "'Id[Box]'",
    "price": "float | None",
    "count": "int",
    "flag": "bool",
}
BOX = """
class Box(Document, table="boxes"):
    part: Part
    parts: list[Part]
    maybe: Part | None
    more: Part | Unset = UNSET
"""
FUNCTIONS = """
@mutation
async def keep(
    ctx: MutationCtx,
    part: Part,
    parts: list[Part],
    named: dict[str, Part],
    maybe: Part | None = None,
) -> Part:
    id = await ctx.db.insert(Box, part=part, parts=parts, maybe=maybe)
    box = await ctx.db.get(id)
    await ctx.db.patch(id, part=named["it"], maybe=box.part, more=box.part)
    box = await ctx.db.get(id)
    await ctx.db.replace(id, part=box.part, parts=box.parts, maybe=None, more=box.more)
    return (await ctx.db.get(id)).more

@query
async def all(ctx: QueryCtx) -> list[Box]:
    return await ctx.db.query(Box).collect()
"""
OWNER = encode_id(10_001, bytes(16))


def class_of(kind: str, name: str, fields: dict[str, str], optional: dict[str, str]) -> str:
    lines = [f"    {field}: {written}\n" for field, written in fields.items()]
    for field, written in optional.items():
        is_key = kind == "typed_dict"
        declared = f"NotRequired[{written}]" if is_key else f"{written} | Unset = UNSET"
        lines.append(f"    {field}: {declared}\n")
    return KINDS[kind].format(name=name) + "".join(lines)


def schema_of(outer: str, inner: str) -> str:
    size = class_of(inner, "Size", SIZE, {"depth_cm": "float"})
    part = class_of(outer, "Part", PART, {"note": "str", "extra_size": "Size"})
    return IMPORTS + size + part + BOX


def part(**more: Any) -> dict[str, Any]:
    size = {"widthCm": 1, "unit": "cm"}
    return {
        "label": "a",
        "size": size,
        "sizes": [size],
        "byName": {"x": {**size, "depthCm": 2}},
        "ownerId": OWNER,
        "price": None,
        "count": 2,
        "flag": True,
        **more,
    }


def generated(root: Path, outer: str, inner: str) -> dict[str, str]:
    app = load_app(write_app(root, FUNCTIONS, schema_of(outer, inner)))
    return {
        **typescript_files(app),
        **python_files(app),
        "openapi": json.dumps(openapi_document(app, title="", version="")),
        "spec": json.dumps(function_spec(app.registry)),
    }


@pytest.mark.parametrize(("outer", "inner"), list(product(KINDS, KINDS)))
def test_generated_types_are_the_same_for_every_kind_of_class(
    tmp_path: Path, outer: str, inner: str
) -> None:
    expected = generated(tmp_path / "structs", "struct", "struct")

    assert generated(tmp_path / "others", outer, inner) == expected
    size = '{ depthCm?: number; unit: "cm" | "in"; widthCm: number }'
    assert f"extraSize?: {size}" in expected["api.d.ts"]
    assert 'label: string; note?: string; ownerId: Id<"boxes">' in expected["api.d.ts"]


@pytest.mark.asyncio
@pytest.mark.parametrize(("outer", "inner"), list(product(KINDS, KINDS)))
async def test_objects_of_every_kind_of_class_are_kept(
    tmp_path: Path, outer: str, inner: str
) -> None:
    full = part(note="n", extraSize={"widthCm": 3, "unit": "in", "depthCm": 4})

    async with written_app(tmp_path, FUNCTIONS, schema_of(outer, inner)) as app:
        args = {"part": part(), "parts": [full, part()], "named": {"it": full}, "maybe": full}
        assert await app.value("keep", **args) == part()

        (box,) = await app.value("all")
        kept = {name: box[name] for name in ("part", "parts", "maybe", "more")}
        assert kept == {"part": full, "parts": [full, part()], "maybe": None, "more": part()}

        wrong = part(size={"widthCm": "1", "unit": "cm"})
        assert "widthCm" in await app.failure("keep", **{**args, "part": wrong})


@pytest.mark.parametrize("kind", KINDS)
def test_class_that_contains_itself_is_refused(tmp_path: Path, kind: str) -> None:
    tree = KINDS[kind].format(name="Tree") + "    branches: list[Tree]\n"
    schema = f"{IMPORTS}{tree}class Wood(Document, table='woods'):\n    tree: Tree\n"

    with pytest.raises(
        DefinitionError, match=r"`Tree` contains itself, which no value can"
    ) as found:
        load_app(write_app(tmp_path, "", schema))
    assert "schema.py:" in str(found.value)


@pytest.mark.parametrize(
    "declared",
    [
        "class Pair(Struct, Generic[T]):\n",
        "class Pair(msgspec.Struct, Generic[T]):\n",
        "@dataclass\nclass Pair(Generic[T]):\n",
        "class Pair(TypedDict, Generic[T]):\n",
    ],
    ids=["struct", "msgspec", "dataclass", "typed_dict"],
)
@pytest.mark.parametrize("use", ["Pair[int]", "Pair"])
def test_generic_class_is_refused(tmp_path: Path, declared: str, use: str) -> None:
    schema = f"{IMPORTS}{declared}    a: T\nclass Box(Document, table='b'):\n    pair: {use}\n"

    with pytest.raises(DefinitionError, match=r"generic classes have no wire form"):
        load_app(write_app(tmp_path, "", schema))


def test_generic_model_is_the_class_that_pydantic_makes_of_it(tmp_path: Path) -> None:
    pair = "class Pair(BaseModel, Generic[T]):\n    a: T\n"
    schema = f"{IMPORTS}{pair}class Box(Document, table='b'):\n    pair: Pair[int]\n"

    app = load_app(write_app(tmp_path, "", schema))

    assert "pair: { a: number };" in typescript_files(app)["dataModel.d.ts"]


def test_union_of_kinds_is_told_apart_in_types(tmp_path: Path) -> None:
    kinds = "".join(
        f"{head.format(name=f'A{number}')}    kind: Literal['{kind}']\n"
        for number, (kind, head) in enumerate(KINDS.items())
    )
    schema = f"{IMPORTS}{kinds}class Box(Document, table='b'):\n    it: A0 | A1 | A2 | A3 | A4\n"

    app = load_app(write_app(tmp_path, "", schema))

    union = " | ".join(f'{{ kind: "{kind}" }}' for kind in KINDS)
    assert f"it: {union};" in typescript_files(app)["dataModel.d.ts"]
