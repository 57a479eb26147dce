"""`Id` at run time: a string that carries its table in annotations."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar, get_args

import msgspec
import pytest

from realtime.errors import DefinitionError
from realtime.values.id_type import Id, IdOf

D = TypeVar("D")


class Message:
    """Stands for a document class."""

    __table_name__ = "messages"


def test_id_of_a_class_is_an_annotated_string() -> None:
    assert Id[Message] == Annotated[str, IdOf(Message)]


@pytest.mark.parametrize(
    ("annotation", "table_name"),
    [
        (Id[Message], "messages"),
        (Id["sessions"], "sessions"),
        (Id[Any], None),
        (Id[D], None),
    ],
)
def test_annotation_knows_its_table(annotation: Any, table_name: str | None) -> None:
    base, target = get_args(annotation)

    assert base is str
    assert target.table_name == table_name


def test_ids_of_two_tables_are_different_annotations() -> None:
    class Session:
        __table_name__ = "sessions"

    assert Id[Message] != Id[Session]
    assert len(get_args(Id[Message] | Id[Session])) == 2


def test_calling_id_gives_the_string_itself() -> None:
    text = "abc"

    assert Id(text) is text
    assert type(Id[Message](text)) is str


def test_msgspec_decodes_an_id_as_a_string() -> None:
    assert msgspec.json.decode(b'["a"]', type=list[Id[Message]]) == ["a"]


@pytest.mark.parametrize("target", [int, 5, None])
def test_id_of_what_is_no_table_is_refused(target: Any) -> None:
    with pytest.raises(DefinitionError, match="document class or the name of a table"):
        Id[target]
