"""Annotations are resolved where a class was defined, whatever its fields and module are called."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Annotated, Any

import msgspec
import pytest

from realtime.errors import DefinitionError
from realtime.values.annotations import compile_annotation
from realtime.values.id_type import IdOf
from realtime.values.type_hints import resolved_hints

HEAD = """
from __future__ import annotations
from dataclasses import dataclass
from typing import NotRequired, Optional, TypedDict
import msgspec
from realtime.values.struct import Struct, field
from realtime.values.id_type import Id
from realtime.values.value import UNSET, Unset
"""


@pytest.fixture
def registered() -> Iterator[list[str]]:
    """Names to remove from `sys.modules` in the end."""
    names: list[str] = []
    yield names
    for name in names:
        sys.modules.pop(name, None)


def load(source: str, name: str = "app_schema", *, file: str = "schema.py") -> ModuleType:
    """Execute a module that `sys.modules` does not know."""
    module = ModuleType(name)
    exec(compile(HEAD + source, file, "exec"), module.__dict__)
    return module


FIELDS_NAMED_AS_TYPES = """
class Odd(Struct):
    list: str
    type: list[str]
    set: Optional[list[int]]
    str: float = 1.0
    dict: dict[str, float] = field(default_factory=dict)
    id_: list[str] = field(name="id", default_factory=list)
    last: tuple[str, ...] = ()
"""


def test_fields_named_as_types_do_not_disturb_other_annotations() -> None:
    odd = load(FIELDS_NAMED_AS_TYPES).Odd

    assert resolved_hints(odd, {})["type"] == list[str]
    assert str(compile_annotation(odd).validator) == (
        "v.object({dict: v.optional(v.record(v.string(), v.float64())), "
        "id: v.optional(v.array(v.string())), "
        "last: v.optional(v.array(v.string())), list: v.string(), "
        "set: v.union(v.array(v.integer()), v.null()), str: v.optional(v.float64()), "
        "type: v.array(v.string())})"
    )


def test_msgspec_decodes_a_class_with_fields_named_as_types() -> None:
    odd = load(FIELDS_NAMED_AS_TYPES).Odd
    codec = compile_annotation(odd)
    raw = b'{"list":"x","type":["y"],"set":[1],"dict":{"k":1},"last":["z"]}'

    assert codec.native_type is odd
    assert msgspec.json.decode(raw, type=odd) == codec.decode(
        {"list": "x", "type": ["y"], "set": [1.0], "dict": {"k": 1.0}, "last": ["z"]}
    )


def test_class_keeps_its_annotations_after_msgspec_has_learned_it() -> None:
    odd = load(FIELDS_NAMED_AS_TYPES).Odd
    before = dict(odd.__annotations__)

    compile_annotation(odd)

    assert odd.__annotations__ == before


def test_class_variable_of_a_base_may_have_any_type(registered: list[str]) -> None:
    module = ModuleType("app_schema")
    # msgspec finds `ClassVar` only in a module that is registered while the class is made.
    sys.modules["app_schema"] = module
    registered.append("app_schema")
    source = (
        HEAD
        + """
from typing import ClassVar

class Base(Struct):
    kinds: ClassVar[list[Kind]] = []

class Sub(Base):
    name: str

class Kind: ...
"""
    )
    exec(compile(source, "schema.py", "exec"), module.__dict__)
    del sys.modules["app_schema"]

    assert compile_annotation(module.Sub).native_type is module.Sub


def test_names_are_looked_up_after_the_module_has_been_executed() -> None:
    module = load("""
class First(Struct):
    second: Second
    third_id: Id[Third]

class Second(Struct):
    name: str

class Third:
    __table_name__ = "thirds"
""")

    hints = resolved_hints(module.First, {})

    assert hints == {"second": module.Second, "third_id": Annotated[str, IdOf(module.Third)]}


def test_two_modules_of_one_name_keep_their_own_names(registered: list[str]) -> None:
    source = """
class Holder(Struct):
    held: Held

class Held(Struct):
    {field}: str
"""
    first, second = load(source.format(field="a")), load(source.format(field="b"))
    sys.modules["app_schema"] = second
    registered.append("app_schema")

    assert "a: v.string()" in str(compile_annotation(first.Holder).validator)
    assert "b: v.string()" in str(compile_annotation(second.Holder).validator)


def test_base_from_another_module_is_resolved_there() -> None:
    base = load("""
Name = str

class Base(Struct):
    name: Name
""")
    module = ModuleType("other")
    module.__dict__["Base"] = base.Base
    exec(compile(HEAD + "class Sub(Base):\n    size: float\n", "other.py", "exec"), module.__dict__)

    assert resolved_hints(module.Sub, {}) == {"name": str, "size": float}
    assert compile_annotation(module.Sub).native_type is module.Sub


CLASSES_THAT_DO_NOT_TELL = """
class Shape(TypedDict):
    name: Name
    size: NotRequired[float]

class Plain(msgspec.Struct):
    name: Name

Name = str
"""


@pytest.mark.parametrize("cls_name", ["Shape", "Plain"])
def test_class_that_does_not_tell_its_module_is_resolved_where_it_is_used(cls_name: str) -> None:
    module = load(
        CLASSES_THAT_DO_NOT_TELL
        + f"""
class Holder(Struct):
    held: {cls_name}
"""
    )

    assert "name: v.string()" in str(compile_annotation(module.Holder).validator)
    assert "name: v.string()" in str(
        compile_annotation(list[getattr(module, cls_name)], vars(module)).validator
    )


@pytest.mark.parametrize("cls_name", ["Shape", "Plain"])
def test_class_whose_module_is_registered_needs_no_other_place(
    cls_name: str, registered: list[str]
) -> None:
    module = load(CLASSES_THAT_DO_NOT_TELL)
    sys.modules["app_schema"] = module
    registered.append("app_schema")

    assert "name: v.string()" in str(compile_annotation(getattr(module, cls_name)).validator)


def test_dataclass_knows_its_module_after_it_was_unregistered(registered: list[str]) -> None:
    module = ModuleType("app_schema")
    # A dataclass with string annotations asks for its module while it is made.
    sys.modules["app_schema"] = module
    registered.append("app_schema")
    source = HEAD + "@dataclass\nclass Point:\n    name: Name\n\nName = str\n"
    exec(compile(source, "schema.py", "exec"), module.__dict__)
    del sys.modules["app_schema"]

    assert str(compile_annotation(module.Point).validator) == "v.object({name: v.string()})"


def test_module_of_the_same_name_that_does_not_hold_the_class_is_not_asked(
    registered: list[str],
) -> None:
    module = load(CLASSES_THAT_DO_NOT_TELL)
    other: Any = ModuleType("app_schema")
    other.Name = float
    sys.modules["app_schema"] = other
    registered.append("app_schema")

    codec = compile_annotation(module.Shape, vars(module))

    assert "name: v.string()" in str(codec.validator)


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ("Misspelt", "`Misspelt` is not defined"),
        ("list[Misspelt]", "`Misspelt` is not defined"),
        ("Id[int]", "document class or the name of a table"),
        ("list[", "list["),
        ("float.nothing", "nothing"),
    ],
)
def test_annotation_that_makes_no_sense_is_refused_with_class_and_place(
    annotation: str, reason: str
) -> None:
    module = load(f"class Wrong(Struct):\n    a: {annotation!r}\n")

    with pytest.raises(DefinitionError) as caught:
        compile_annotation(module.Wrong)

    assert "`Wrong`" in caught.value.message
    assert reason in caught.value.message
    assert caught.value.place is not None
    assert caught.value.place.startswith("schema.py:")
