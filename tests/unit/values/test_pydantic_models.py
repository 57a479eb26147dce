"""pydantic models as types of arguments and results."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, field_validator

from realtime.errors import DefinitionError, ValidationError
from realtime.schema.document import Document
from realtime.values.annotations import compile_annotation
from realtime.values.id_type import Id
from realtime.values.validators import v


class Size(BaseModel):
    width: float
    height: Annotated[float, Field(gt=0)] = 1.0


class Person(Document, table="people"):
    name: str


class Picture(BaseModel):
    file_name: str
    taken_by: Id[Person]
    sizes: list[Size] = []
    kind: str = Field(default="photo", alias="type")

    @field_validator("file_name")
    @classmethod
    def has_an_ending(cls, name: str) -> str:
        if "." not in name:
            raise ValueError("expected a name with an ending")
        return name


class Cat(BaseModel):
    lives: int


WIRE = {"fileName": "a.png", "takenBy": "x", "sizes": [{"width": 2.0}], "type": "scan"}


def test_fields_of_a_model_have_wire_names_and_validators() -> None:
    assert str(compile_annotation(Picture).validator) == str(
        v.object(
            {
                "fileName": v.string(),
                "takenBy": v.id("people"),
                "sizes": v.optional(
                    v.array(v.object({"width": v.number(), "height": v.optional(v.number())}))
                ),
                "type": v.optional(v.string()),
            }
        )
    )


def test_model_is_made_of_a_wire_value_and_back() -> None:
    codec = compile_annotation(Picture)

    picture = codec.decode(WIRE)

    assert picture == Picture(file_name="a.png", taken_by="x", sizes=[Size(width=2)], type="scan")
    assert codec.encode(picture) == {
        **WIRE,
        "sizes": [{"width": 2.0, "height": 1.0}],
    }


def test_model_under_any_is_encoded_by_its_class() -> None:
    assert compile_annotation(Any).encode([Cat(lives=9)]) == [{"lives": 9.0}]


def test_union_of_models_is_told_apart() -> None:
    codec = compile_annotation(Size | Cat)

    assert codec.decode({"lives": 9.0}) == Cat(lives=9)
    assert codec.decode({"width": 9.0}) == Size(width=9)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"fileName": "a"},
            "`Picture` does not accept this object: "
            "file_name: Value error, expected a name with an ending",
        ),
        (
            {"sizes": [{"width": 1.0, "height": -1.0}]},
            "`Size` does not accept this object: height: Input should be greater than 0",
        ),
    ],
)
def test_what_a_model_refuses_is_a_misfit(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        compile_annotation(Picture).decode({**WIRE, **change})

    assert caught.value.message == text


def test_model_with_a_field_that_has_no_wire_form_is_refused() -> None:
    class Tags(BaseModel):
        tags: set[str]

    with pytest.raises(DefinitionError, match="Field `tags` of `Tags`: Expected an annotation"):
        compile_annotation(Tags)
