"""What `ctx.db` does not take, each with its text (contract 5.7 and 5.9)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.runtime.one_mutation import FILE_ID, JOB_ID, NOWHERE_ID, failure_of


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("line", "text"),
    [
        # Ids
        *(
            (line, f"Invalid argument `id` for `{name}`: Unable to decode ID: Invalid ID length 8")
            for line, name in [
                ('await ctx.db.get("nonsense")', "db.get"),
                ('await ctx.db.get("messages", "nonsense")', "db.get"),
                ('await ctx.db.get_many([m, "nonsense"])', "db.get"),
                ('await ctx.db.patch("nonsense", body="y")', "db.patch"),
                ('await ctx.db.replace("nonsense", body="y")', "db.replace"),
                ('await ctx.db.delete("nonsense")', "db.delete"),
                ('await ctx.db.system.get("nonsense")', "db.system.get"),
            ]
        ),
        *(
            (
                line,
                f"Invalid argument `id` for `{name}`: "
                'expected to be an Id<"messages">, got Id<"authors"> instead.',
            )
            for line, name in [
                ("await ctx.db.get(Message, a)", "db.get"),
                ('await ctx.db.get("messages", a)', "db.get"),
                ('await ctx.db.patch(Message, a, body="y")', "db.patch"),
                ('await ctx.db.patch("messages", a, {"body": "y"})', "db.patch"),
                ('await ctx.db.replace("messages", a, {"body": "y"})', "db.replace"),
                ("await ctx.db.delete(Message, a)", "db.delete"),
            ]
        ),
        (
            f'await ctx.db.get("messages", "{NOWHERE_ID}")',
            'Invalid argument `id` for `db.get`: expected to be an Id<"messages">, '
            "got an id of no table instead.",
        ),
        ("await ctx.db.get(5)", "Invalid argument `id` for `db.get`: expected an id, got int"),
        (
            "await ctx.db.get()",
            "Must provide arg 1 `id` to `get`: use `get(id)` or `get(Message, id)`",
        ),
        (
            "await ctx.db.delete()",
            "Must provide arg 1 `id` to `delete`: use `delete(id)` or `delete(Message, id)`",
        ),
        (
            'await ctx.db.patch("messages", m)',
            "Must provide arg 1 `id` to `patch`: use `patch(id, field=…)`, "
            '`patch(Message, id, field=…)`, or `patch("messages", id, {…})`',
        ),
        # Documents that are not there
        *(
            (f"await ctx.db.delete(m); {line}", f"{verb} on nonexistent document ID ")
            for line, verb in [
                ('await ctx.db.patch(m, body="y")', "Update"),
                ('await ctx.db.replace(m, body="y")', "Replace"),
                ("await ctx.db.delete(m)", "Delete"),
            ]
        ),
        (
            f'await ctx.db.patch("{NOWHERE_ID}", body="y")',
            f"Update on nonexistent document ID {NOWHERE_ID}",
        ),
        # Bodies
        *(
            (line, f"Invalid argument `value` for `{name}`: Value must be an Object")
            for line, name in [
                ('await ctx.db.insert("messages", "x")', "db.insert"),
                ('await ctx.db.patch("messages", m, None)', "db.patch"),
                ('await ctx.db.replace("messages", m, [1])', "db.replace"),
            ]
        ),
        (
            'await ctx.db.patch(m, {"body": "y"})',
            "`patch(id, …)` takes its fields as keywords. A dictionary in wire names goes with "
            'the name of the table: `patch("messages", id, {…})`',
        ),
        (
            'await ctx.db.insert(Message, {"body": "y"})',
            "`insert` of a class takes its fields as keywords",
        ),
        (
            'await ctx.db.insert("messages", body="y")',
            '`insert("messages", …)` takes one dictionary in wire names',
        ),
        (
            'await ctx.db.insert("messages", {"body": "y"}, count=1)',
            '`insert("messages", …)` takes one dictionary in wire names',
        ),
        (
            'await ctx.db.patch(m, bdy="y")',
            "`Message` has no field `bdy`; did you mean `body`?",
        ),
        (
            'await ctx.db.patch("messages", m, {"body": 5})',
            'Failed to insert or update a document in table "messages" because it does not match '
            "the schema: Value does not match validator.\nPath: .body\nValue: 5.0\n"
            "Validator: v.string()",
        ),
        (
            "await ctx.db.insert(Message, body=UNSET)",
            'Failed to insert or update a document in table "messages" because it does not match '
            "the schema: Object is missing the required field `body`. Consider",
        ),
        (
            'await ctx.db.insert("free", {"a": {"b": [UNSET]}})',
            "Expected a value, got `UNSET`: only an optional field may be left unset "
            "(at `$.a.b[0]`)",
        ),
        (
            "await ctx.db.patch(m, body=[UNSET])",
            "Expected a value, got `UNSET`: only an optional field may be left unset "
            "(at `$.body[0]`)",
        ),
        ('await ctx.db.insert("free", {5: 1})', "Expected field names of type `str`, got `int`"),
        (
            'await ctx.db.insert("free", {"_x": 1})',
            "Field '_x' starts with an underscore, which is only allowed for system fields like "
            "'_id'",
        ),
        ('await ctx.db.insert("free", {"$x": 1})', "Field name $x starts with '$', which is"),
        (
            'await ctx.db.insert("free", {"a": "x" * 2**20})',
            "Value is too large (1048643 B > maximum size 1 MiB)",
        ),
        (
            'await ctx.db.insert("free", {"a": "x" * (3 * 2**19)})',
            "Value is too large (1.5 MiB > maximum size 1 MiB)",
        ),
        (
            'await ctx.db.insert("free", {"a": [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]})',
            "Value is too nested (nested 17 levels deep > maximum nesting 16)",
        ),
        (
            'await ctx.db.insert("free", {"a": [0] * 8193})',
            "Array length is too long (8193 > maximum length 8192)",
        ),
        (
            'await ctx.db.insert("free", {f"f{n}": 0 for n in range(1023)})',
            "Object has too many fields (1025 > maximum number 1024)",
        ),
        (
            'await ctx.db.insert("bad name", {})',
            "Identifier bad name has invalid character ' ': Identifiers can only contain "
            "alphanumeric characters or underscores",
        ),
        # System fields
        (
            'await ctx.db.insert("messages", {"body": "y", "_id": "other"})',
            "Provided document ID ",
        ),
        (
            'await ctx.db.insert("messages", {"body": "y", "_creationTime": 5})',
            "Provided creation time 1700000000000.0",
        ),
        ("await ctx.db.patch(m, id=a)", "Provided document ID "),
        (
            'await ctx.db.replace("messages", m, {"body": "y", "_creationTime": 5})',
            "Provided creation time 1700000000000.0 doesn't match '_creationTime' field in "
            "{_creationTime: 5.0}",
        ),
        # Tables
        ("await ctx.db.query(5).collect()", "Expected a Document class or the name of a table, "),
        (
            "await ctx.db.query(Struct).collect()",
            "Expected a Document class or the name of a table, got `Struct`",
        ),
        (
            "await ctx.db.insert(Struct, a=1)",
            "Expected a Document class or the name of a table, got `Struct`",
        ),
        (
            "await ctx.db.get(5, m)",
            "Expected a Document class or the name of a table, got one `int`",
        ),
        (
            'await ctx.db.insert(Message(body="y"))',
            "Expected a Document class or the name of a table, got one `Message`. "
            "Pass the class, and the fields of a new document as keywords",
        ),
        # System tables
        *(
            (line, "System tables (prefixed with `_`) are read-only.")
            for line in [
                'await ctx.db.insert("_storage", {})',
                'await ctx.db.insert(StoredFile, sha256="", size=1)',
                'await ctx.db.insert("_other", {})',
                f'await ctx.db.patch("{FILE_ID}", size=1)',
                f'await ctx.db.patch("_storage", "{FILE_ID}", {{}})',
                f'await ctx.db.replace("{JOB_ID}", name="x")',
                f'await ctx.db.delete("{JOB_ID}")',
                "await ctx.db.delete(StoredFile, m)",
            ]
        ),
        *(
            (line, "System tables can only be accessed with db.system.")
            for line in [
                f'await ctx.db.get("{FILE_ID}")',
                f'await ctx.db.get("_storage", "{FILE_ID}")',
                f'await ctx.db.get(StoredFile, "{FILE_ID}")',
                f'await ctx.db.get("messages", "{JOB_ID}")',
                'await ctx.db.get("_storage", m)',
            ]
        ),
        *(
            (line, "User tables cannot be accessed with db.system.")
            for line in [
                "await ctx.db.system.get(m)",
                "await ctx.db.system.get(Message, m)",
                f'await ctx.db.system.get("messages", "{FILE_ID}")',
                f'await ctx.db.system.get("{NOWHERE_ID}")',
            ]
        ),
        (
            f'await ctx.db.system.get("_storage", "{JOB_ID}")',
            'Invalid argument `id` for `db.system.get`: expected to be an Id<"_storage">, '
            'got Id<"_scheduled_functions"> instead.',
        ),
        *(
            (line, "System tables can only be accessed from db.system.query().")
            for line in ['ctx.db.query("_storage")', "ctx.db.query(ScheduledFunction)"]
        ),
        *(
            (line, "User tables can only be accessed from db.query().")
            for line in ['ctx.db.system.query("messages")', "ctx.db.system.query(Message)"]
        ),
        (
            'ctx.db.normalize_id("_storage", m)',
            "System tables can only be accessed from db.system.normalizeId().",
        ),
        (
            'ctx.db.system.normalize_id("messages", m)',
            "User tables can only be accessed from db.normalizeId().",
        ),
        # Queries
        (
            'await ctx.db.query(Message).with_index("by_bdy").collect()',
            "Index messages.by_bdy not found.",
        ),
        (
            'await ctx.db.query("nothing").with_index("by_x").collect()',
            "Index nothing.by_x not found. There is no such table",
        ),
        (
            "q = ctx.db.query(Message); await q.first(); await q.first()",
            "A query can only be chained once and can't be chained after iteration begins.",
        ),
        (
            'q = ctx.db.query(Message); q.order("asc"); await q.collect()',
            "A query can only be chained once and can't be chained after iteration begins.",
        ),
        (
            'q = ctx.db.query(Message); i = q.__aiter__(); q.order("asc")',
            "A query can only be chained once and can't be chained after iteration begins.",
        ),
        (
            'ctx.db.query(Message).order("asc").order("desc")',
            "Queries may only specify order at most once",
        ),
        ('ctx.db.query(Message).order("up")', 'Expected the order "asc" or "desc", got \'up\''),
        (
            "ctx.db.query(Message).full_table_scan().with_index(Message.by_body)",
            "A query reads through one index: `with_index` can't follow another `with_index` or "
            "`full_table_scan`",
        ),
        (
            "ctx.db.query(Message).with_index(Message.by_body).full_table_scan()",
            "`full_table_scan` can't follow `with_index` or another `full_table_scan`",
        ),
        *(
            (
                f"ctx.db.query(Message).take({count})",
                f"`take` expects an integer that is not negative, got {shown}",
            )
            for count, shown in [
                ("-1", "-1"),
                ("1.5", "1.5"),
                ("True", "True"),
                ("None", "None"),
                ('float("nan")', "nan"),
                ('float("inf")', "inf"),
            ]
        ),
        (
            "ctx.db.query(Message).filter(5)",
            "`filter` takes a function of the document, such as `lambda note: note.done`; it got "
            "`int`",
        ),
        (
            "\n    ".join(
                [
                    "q = ctx.db.query(Message)",
                    "for _ in range(257): q = q.filter(lambda message: True)",
                ]
            ),
            "Can't construct query with more than 256 operators",
        ),
        (
            'await ctx.db.insert(Message, body="x"); '
            'await ctx.db.query(Message).with_index(Message.by_body, body="x").unique()',
            "unique() query returned more than one result from table messages:\n [",
        ),
        (
            'ctx.db.query(Message).with_index("by_body", "x")',
            '`with_index` takes equalities as keywords, and bounds such as `gt("timestamp", x)` '
            "or `Message.by_time.timestamp > x`; it got `'x'`",
        ),
        (
            'ctx.db.query(Message).with_index(Message.by_body, lambda q: q.eq("body", "x"))',
            "`with_index` takes equalities as keywords, and bounds such as",
        ),
        (
            'ctx.db.query(Message).with_index(Message.by_body, gt(5, "x"))',
            "`with_index` takes equalities as keywords, and bounds such as",
        ),
        (
            "ctx.db.query(Message).with_index(5)",
            "Expected an index, as `Message.by_time` or by name, got `int`",
        ),
        # Ranges
        (
            "await ctx.db.query(Message).with_index(Message.by_two, count=1).collect()",
            "Tried to query index messages.by_two but the query didn't use the index fields in "
            "order.\nIndex fields: [body, count, _creationTime, _id]\nQuery fields: [count]\n"
            "First incorrect field: count",
        ),
        (
            'await ctx.db.query(Message).with_index(Message.by_body, note="x").collect()',
            'The index range included a comparison with "note", but messages.by_body with fields '
            "[body, _creationTime, _id] doesn't index this field.",
        ),
        (
            'await ctx.db.query(Message).with_index(Message.by_body, gt("body", "a"), '
            'gte("body", "b")).collect()',
            'Already defined lower bound in index range. Can\'t add "body" >= "b".',
        ),
        (
            'await ctx.db.query(Message).with_index(Message.by_body, lt("body", "a"), '
            'lt("body", "b")).collect()',
            'Already defined upper bound in index range. Can\'t add "body" < "b".',
        ),
        (
            'await ctx.db.query(Message).with_index(Message.by_two, gt("body", "a"), '
            'lt("count", 1)).collect()',
            "Upper and lower bounds in `range` can only be applied to a single index field. This "
            'query against index messages.by_two attempted to set a range bound on both "body" '
            'and "count". Consider using `filter` instead.',
        ),
    ],
)
async def test_what_is_not_taken_has_its_text(tmp_path: Path, line: str, text: str) -> None:
    assert (await failure_of(tmp_path, line)).startswith(text)
