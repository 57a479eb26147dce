"""Document classes."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from realtime.errors import DefinitionError
from realtime.schema.document import Document, Index
from realtime.schema.document_codec import DocumentCodec
from realtime.values.id_type import Id, IdOf
from realtime.values.struct import field
from realtime.values.value import UNSET, Unset


class Message(Document, table="messages"):
    author_id: Id[Author]
    role: Literal["user", "assistant"] = "user"
    content: str
    note: str | Unset = UNSET

    by_author = Index("author_id")


class Author(Document, table="authors", rename=None):
    full_name: str
    id_: str = field(name="id")


def test_document_has_the_table_of_its_class() -> None:
    assert Message.__table_name__ == "messages"
    assert IdOf(Message).table_name == "messages"


def test_new_document_has_no_id_and_no_creation_time() -> None:
    message = Message(author_id=Id("x"), content="hello")

    assert message.id is UNSET
    assert message.creation_time is UNSET
    assert (message.role, message.note) == ("user", UNSET)


def test_document_is_immutable() -> None:
    message: Any = Message(author_id=Id("x"), content="hello")

    with pytest.raises(AttributeError):
        message.content = "other"


def test_fields_have_wire_names_and_system_fields_their_own() -> None:
    names = dict(
        zip(Message.__struct_fields__, Message.__struct_encode_fields__, strict=True)  # type: ignore[attr-defined]
    )

    assert names["author_id"] == "authorId"
    assert names["id"] == "_id"
    assert names["creation_time"] == "_creationTime"


def test_snake_case_table_keeps_its_names_but_not_those_of_system_fields() -> None:
    codec = DocumentCodec.of(Author)

    assert str(codec.fields_validator) == "v.object({full_name: v.string(), id: v.string()})"
    assert codec.wire_name("id") == "_id"
    assert codec.wire_name("id_") == "id"


def test_subclass_of_a_document_has_its_fields_and_indexes_in_a_table_of_its_own() -> None:
    class Reply(Message, table="replies"):
        to: Id[Message]

        by_to = Index("to")

    assert Reply.__table_name__ == "replies"
    assert list(Reply.__indexes__) == ["by_author", "by_to"]
    assert list(Message.__indexes__) == ["by_author"]
    assert "authorId" in DocumentCodec.of(Reply).fields_validator.fields


@pytest.mark.parametrize("table", [None, 5])
def test_document_without_a_table_is_refused(table: Any) -> None:
    keywords = {} if table is None else {"table": table}

    with pytest.raises(DefinitionError, match='table="…"') as caught:

        class Lost(Document, **keywords):
            name: str

    assert "Lost" in caught.value.message
    assert caught.value.place is not None
    assert caught.value.place.startswith(__file__)


@pytest.mark.parametrize("name", ["id", "creation_time"])
def test_field_in_the_place_of_a_system_field_is_refused(name: str) -> None:
    source = f"class Wrong(Document, table='t'):\n    {name}: str\n"

    with pytest.raises(DefinitionError, match=f"`{name}` of `Wrong`.*`{name}_"):
        exec(source, {"Document": Document, "__name__": "app"})


def test_wire_name_with_an_underscore_in_front_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"`_secret`.*only allowed for system fields"):

        class Wrong(Document, table="wrong"):
            _secret: str


def test_document_itself_is_no_type_of_values() -> None:
    with pytest.raises(DefinitionError, match="document class with a table"):
        DocumentCodec.of(Document)
