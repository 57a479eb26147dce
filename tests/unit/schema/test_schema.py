"""The schema of an app: what is collected, its JSON form, and the mistakes in it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from realtime.errors import DefinitionError
from realtime.schema.document_codec import DocumentCodec
from realtime.schema.schema import EMPTY_SCHEMA, IndexDefinition, Schema, schema_from_module

HEAD = """\
from __future__ import annotations
from typing import Any, Literal, TypedDict
from realtime.schema.document import Document, Index
from realtime.schema.schema import Table
from realtime.values.id_type import Id
from realtime.values.struct import Struct, field
from realtime.values.validators import v
from realtime.values.value import UNSET, Unset
"""

CHAT = """
class Changes(Struct):
    files: list[str]
    commit_sha: str | Unset = UNSET

class Message(Document, table="messages"):
    session_id: Id[Session]
    role: Literal["user", "assistant"]
    changes: Changes | Unset = UNSET

    by_sessionId = Index("session_id")
    by_sha = Index("changes.commit_sha", "role")

class Session(Document, table="sessions"):
    last_active_at: float

Click = v.object({"at": v.number()})
events = Table("events", v.union(Click, v.object({"at": v.number(), "key": v.string()})),
    indexes={"by_at": ["at"], "by_key": ("key", "at")})
free = Table("free", v.any(), indexes={"by_anything": ["some.path"]})
"""


def load(source: str) -> ModuleType:
    """Execute a `schema.py` that `sys.modules` does not know."""
    module = ModuleType("schema")
    exec(compile(HEAD + source, "schema.py", "exec"), module.__dict__)
    return module


def schema_of(source: str) -> Schema:
    return schema_from_module(load(source))


def test_schema_has_every_class_and_table_of_the_module() -> None:
    module = load(CHAT)

    schema = schema_from_module(module)

    assert set(schema.tables) == {"messages", "sessions", "events", "free"}
    assert schema.tables["messages"].codec is DocumentCodec.of(module.Message)
    assert schema.tables["messages"].validator is DocumentCodec.of(module.Message).fields_validator
    assert schema.tables["events"].codec is None
    assert not schema.strict_tables


def test_indexes_have_wire_names_of_fields() -> None:
    schema = schema_of(CHAT)

    assert dict(schema.tables["messages"].indexes) == {
        "by_sessionId": IndexDefinition("by_sessionId", ("sessionId",)),
        "by_sha": IndexDefinition("by_sha", ("changes.commitSha", "role")),
    }
    assert schema.tables["events"].indexes["by_key"].fields == ("key", "at")


def test_imported_tables_belong_to_the_schema() -> None:
    base = load(CHAT)
    module = ModuleType("schema")
    module.__dict__["Message"] = base.Message
    module.__dict__["Again"] = base.Message

    assert set(schema_from_module(module).tables) == {"messages"}


def test_json_form_is_that_of_the_contract() -> None:
    schema = schema_of("""
class Message(Document, table="messages"):
    body: str
    author_id: Id[Author] | Unset = UNSET

    by_body = Index("body")
    by_author = Index("author_id", "body")

class Author(Document, table="authors"):
    pass
""")

    no_others = {
        "stagedDbIndexes": [],
        "searchIndexes": [],
        "stagedSearchIndexes": [],
        "vectorIndexes": [],
        "stagedVectorIndexes": [],
    }
    assert schema.to_json() == {
        "tables": [
            {
                "tableName": "authors",
                "indexes": [],
                **no_others,
                "documentType": {"type": "object", "value": {}},
            },
            {
                "tableName": "messages",
                "indexes": [
                    {"indexDescriptor": "by_author", "fields": ["authorId", "body"]},
                    {"indexDescriptor": "by_body", "fields": ["body"]},
                ],
                **no_others,
                "documentType": {
                    "type": "object",
                    "value": {
                        "authorId": {
                            "fieldType": {"type": "id", "tableName": "authors"},
                            "optional": True,
                        },
                        "body": {"fieldType": {"type": "string"}, "optional": False},
                    },
                },
            },
        ],
        "schemaValidation": True,
    }


def test_classes_may_be_the_documents_of_a_table() -> None:
    schema = schema_of("""
class Click(Struct):
    clicked_at: float

class Key(TypedDict):
    key_code: int

events = Table("events", Click | Key, indexes={"by_click": ["clickedAt"]})
fields = Table("fields", {"a": v.string(), "b": v.optional(v.null())})
""")

    assert str(schema.tables["events"].validator) == (
        "v.union(v.object({clickedAt: v.float64()}), v.object({keyCode: v.integer()}))"
    )
    assert str(schema.tables["fields"].validator) == (
        "v.object({a: v.string(), b: v.optional(v.null())})"
    )


def test_strict_tables_are_asked_for_by_name() -> None:
    assert schema_of("STRICT_TABLES = True").strict_tables
    with pytest.raises(DefinitionError, match="STRICT_TABLES"):
        schema_of("STRICT_TABLES = 1")


def test_app_without_tables_has_an_empty_schema() -> None:
    assert schema_of("") == EMPTY_SCHEMA
    assert EMPTY_SCHEMA.to_json() == {"tables": [], "schemaValidation": True}


def test_digest_is_the_same_for_the_same_schema() -> None:
    reversed_source = """
class Session(Document, table="sessions"):
    last_active_at: float

class Message(Document, table="messages"):
    role: str
    session_id: Id[Session]

    by_role = Index("role")
    by_session = Index("session_id")
"""
    source = """
class Message(Document, table="messages"):
    session_id: Id[Session]
    role: str

    by_session = Index("session_id")
    by_role = Index("role")

class Session(Document, table="sessions"):
    lastActiveAt: float
"""

    assert schema_of(source).digest() == schema_of(reversed_source).digest()


@pytest.mark.parametrize(
    "change",
    [
        ("last_active_at: float", "last_active_at: int"),
        ("last_active_at: float", "last_active_at: float = 0.0"),
        ("last_active_at: float", "last_seen_at: float"),
        ('"changes.commit_sha", "role"', '"role", "changes.commit_sha"'),
        ("by_sha", "by_hash"),
        ('"user", "assistant"', '"user"'),
        ('table="sessions"', 'table="visits"'),
        ("Click = v", "STRICT_TABLES = True\nClick = v"),
    ],
)
def test_digest_tells_schemas_apart(change: tuple[str, str]) -> None:
    assert change[0] in CHAT

    assert schema_of(CHAT.replace(*change)).digest() != schema_of(CHAT).digest()


def class_with(indexes: str, table: str = "messages") -> str:
    return f"""
class Message(Document, table={table!r}):
    body: str
    author_name: str
    {indexes}
"""


MANY = "; ".join(f"i{number} = Index('body')" for number in range(65))
LONG = ", ".join(repr(f"f{number}") for number in range(17))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (class_with("i = Index()"), 'In table "messages" index "i" must have at least one field.'),
        (
            class_with("i = Index('body', 'body')"),
            "Duplicate field body. Index fields must be unique within an index.",
        ),
        (
            class_with("a = Index('body'); b = Index('body')"),
            'In table "messages" index "a" and index "b" have the same fields. '
            "Indexes must be unique within a table.",
        ),
        (
            class_with("i = Index('id')"),
            "`_id` is not a valid index field. To load documents by ID, use `db.get(id)`.",
        ),
        (
            class_with("i = Index('body', 'creation_time')"),
            "`_creationTime` is automatically added to the end of each index.",
        ),
        (
            "t = Table('t', v.any(), indexes={'i': ['_other']})",
            "Reserved fields (starting with `_`) are not allowed in indexes.",
        ),
        (
            class_with("by_id = Index('body')"),
            'In table "messages" cannot name an index "by_id" because the name is reserved.',
        ),
        (
            class_with("by_creation_time = Index('body')"),
            'In table "messages" cannot name an index "by_creation_time" because',
        ),
        (
            class_with("_private = Index('body')"),
            'In table "messages" cannot name an index "_private" because the name is reserved.',
        ),
        ("t = Table('t', v.any(), indexes={'a b': ['x']})", 'Invalid index name: "a b".'),
        (class_with("", table="1st"), 'Invalid table name: "1st".'),
        (class_with("", table=""), 'Invalid table name: "".'),
        (class_with("", table="_storage"), "_storage is a reserved table name."),
        ("t = Table('_t', v.any())", "_t is a reserved table name."),
        (
            f"t = Table('t', v.any(), indexes={{'i': [{LONG}]}})",
            "Indexes may have up to 16 fields.",
        ),
        (class_with(MANY), 'Table "messages" cannot have more than 64 indexes.'),
        (
            class_with("i = Index('autor_name')"),
            'In table "messages" the index "i" is invalid because it references the field '
            "autor_name that does not exist; did you mean `author_name`?",
        ),
        (
            class_with("i = Index('body.length')"),
            "references the field body.length that does not exist",
        ),
        (
            "t = Table('t', {'inner': v.object({'size': v.number()})}, "
            "indexes={'i': ['inner.sise']})",
            "references the field inner.sise that does not exist; did you mean `inner.size`?",
        ),
        (
            "t = Table('t', v.union(v.object({'a': v.null()}), v.object({'b': v.null()})), "
            "indexes={'i': ['c']})",
            "references the field c that does not exist; there are `a`, `b`",
        ),
        ("t = Table('t', v.string())", "Expected an object, a union of objects or `v.any()`"),
        ("t = Table('t', v.union(v.any(), v.any()))", "Expected an object, a union of objects"),
        ("t = Table('t', str)", "Expected an object, a union of objects or `v.any()`"),
        ("t = Table('t', set)", "Expected an annotation that has a wire form, got `set`"),
        ("t = Table('t', {'_id': v.string()})", "`_id` of table `t` is added to every document"),
        ("t = Table('t', {'_x': v.string()})", "Field '_x' starts with an underscore"),
        (class_with("") + "t = Table('t', Message)", "declares a table of its own"),
        (
            class_with("") + class_with("").replace("Message", "Other"),
            "Table `messages` is declared twice: by `Message` and by `Other`",
        ),
        (
            class_with("") + "t = Table('messages', v.any())",
            "Table `messages` is declared twice: by `Message` and by `t`",
        ),
        (class_with("i = Index(['body'])"), "names of fields for the index `i`, got `(['body'],)`"),
        (
            "t = Table('t', v.any(), indexes={'i': 'body'})",
            "names of fields for the index `i`, got `'body'`",
        ),
        (
            "class Message(Document, table='messages'):\n    tags: set[str]",
            "Field `tags` of `Message`: Expected an annotation that has a wire form",
        ),
    ],
)
def test_mistake_in_a_schema_is_told_with_file_and_line(source: str, text: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        schema_of(source)

    assert text in caught.value.message
    assert caught.value.place is not None
    file, _, line = caught.value.place.rpartition(":")
    assert file == "schema.py"
    assert (HEAD + source).splitlines()[int(line) - 1].startswith(("class", "t = Table"))


def test_mistake_in_a_nested_class_is_told_with_the_line_of_that_class() -> None:
    source = """
class Message(Document, table="messages"):
    changes: Changes

class Changes(Struct):
    files: set[str]
"""

    with pytest.raises(DefinitionError, match="`files` of `Changes`") as caught:
        schema_of(source)

    line = (HEAD + source).splitlines().index("class Changes(Struct):") + 1
    assert caught.value.place == f"schema.py:{line}"


def test_index_may_go_through_any_member_of_a_union() -> None:
    schema = schema_of("""
class Text(Struct):
    text_body: str

class Note(Document, table="notes"):
    content: Text | None | Unset = UNSET
    data: dict[str, Any] | Unset = UNSET

    by_text = Index("content.text_body")
    by_colour = Index("data.colour")
""")

    assert schema.tables["notes"].indexes["by_text"].fields == ("content.textBody",)
    assert schema.tables["notes"].indexes["by_colour"].fields == ("data.colour",)


def test_two_apps_with_the_same_schema_do_not_share_classes() -> None:
    first, second = load(CHAT), load(CHAT)

    schemas: list[Any] = [schema_from_module(first), schema_from_module(second)]

    assert schemas[0].digest() == schemas[1].digest()
    assert schemas[0].tables["messages"].codec.document_class is first.Message
    assert schemas[1].tables["messages"].codec.document_class is second.Message
