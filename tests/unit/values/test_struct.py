"""`Struct`: immutable objects whose fields have wire names."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import pytest

from realtime.casing import wire_name
from realtime.errors import DefinitionError
from realtime.values.annotations import compile_annotation
from realtime.values.struct import Struct, definition_place, field


class Changes(Struct):
    commit_sha: str
    files: list[str] = field(default_factory=list)
    list_: int = field(default=3)
    id_: str = field(name="id", default="x")

    kind_count: ClassVar[int] = 2

    def is_empty(self) -> bool:
        return not self.files


def test_fields_have_camel_case_names_on_the_wire() -> None:
    assert Changes.__struct_encode_fields__ == ("commitSha", "files", "list", "id")


def test_fields_are_given_by_keyword_and_have_their_defaults() -> None:
    first = Changes(commit_sha="a")
    second = Changes(commit_sha="a")

    assert (first.files, first.list_, first.id_) == ([], 3, "x")
    assert first.files is not second.files
    assert first == second
    with pytest.raises(TypeError):
        Changes("a")  # type: ignore[misc]
    with pytest.raises(TypeError):
        Changes()  # type: ignore[call-arg]


def test_struct_is_immutable() -> None:
    changes: Any = Changes(commit_sha="a")

    with pytest.raises(AttributeError):
        changes.commit_sha = "b"


def test_struct_has_methods_and_class_variables() -> None:
    assert Changes(commit_sha="a").is_empty()
    assert Changes.kind_count == 2


def test_class_variable_does_not_keep_msgspec_from_decoding() -> None:
    assert compile_annotation(Changes).native_type is Changes
    assert msgspec.json.decode(b'{"commitSha":"a"}', type=Changes) == Changes(commit_sha="a")


def test_subclass_adds_fields_and_keeps_those_of_its_base() -> None:
    class More(Changes):
        extra_field: float

    assert More.__struct_encode_fields__[-1] == "extraField"
    assert More(commit_sha="a", extra_field=1.0).commit_sha == "a"


def test_rename_none_keeps_python_names_also_in_subclasses() -> None:
    class Snake(Struct, rename=None):
        some_name: str

    class Longer(Snake):
        other_name: str

    class Camel(Snake, rename=wire_name):
        last_name: str

    assert Longer.__struct_encode_fields__ == ("some_name", "other_name")
    assert Camel.__struct_encode_fields__ == ("some_name", "lastName")


def test_rename_may_be_any_function() -> None:
    class Loud(Struct, rename=str.upper):
        name: str

    assert Loud.__struct_encode_fields__ == ("NAME",)


def test_msgspec_refuses_fields_that_are_not_declared() -> None:
    class Empty(Struct):
        pass

    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"extra":1}', type=Empty)


def test_two_fields_with_one_wire_name_are_refused_with_both() -> None:
    with pytest.raises(DefinitionError, match=r"`some_name` and `someName`.*wire name `someName`"):

        class Clash(Struct):
            some_name: str
            someName: str


def test_declared_wire_name_can_clash_with_an_inherited_one() -> None:
    with pytest.raises(DefinitionError, match=r"`commit_sha` and `sha`.*`commitSha`"):

        class Clash(Changes):
            sha: str = field(name="commitSha")


def test_mutable_default_is_refused_with_the_place_of_the_class() -> None:
    with pytest.raises(DefinitionError, match="`Shared` cannot be declared") as caught:

        class Shared(Struct):
            names: list[str] = ["a"]  # noqa: RUF012

    assert caught.value.place is not None
    assert caught.value.place.startswith(__file__)


def test_unknown_class_keyword_is_refused() -> None:
    with pytest.raises(TypeError, match="frozen"):

        class Thawed(Struct, frozen=False):  # type: ignore[call-arg]
            pass


def test_class_knows_where_it_was_defined() -> None:
    place = definition_place(Changes)

    assert place is not None
    file, _, line = place.rpartition(":")
    with open(file) as source:
        assert source.readlines()[int(line) - 1] == "class Changes(Struct):\n"
