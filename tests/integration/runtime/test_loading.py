"""Which functions an app has, under which names, and what keeps it from being loaded."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from realtime.errors import DefinitionError
from realtime.runtime.registry import load_app
from tests.harness.written_app import write_app, written_app


def function(name: str, decorator: str = "@query", body: str = "return 1") -> str:
    return f"{decorator}\nasync def {name}(ctx):\n    {body}\n"


def paths_of(root: Path, **modules: str) -> set[str]:
    files = {name.replace("__", "/"): text for name, text in modules.items()}
    return set(load_app(write_app(root, files)).registry.functions)


def refusal_of(root: Path, **modules: str) -> str:
    with pytest.raises(DefinitionError) as caught:
        paths_of(root, **modules)
    return caught.value.message


def test_functions_are_named_by_file_and_name(tmp_path: Path) -> None:
    found = paths_of(
        tmp_path,
        messages=function("list_")
        + function("send_all")
        + function("getNewest")
        + function("x", '@query(name="list2")')
        + function("_private"),
        admin__users__roles=function("ban"),
        _hidden=function("f"),
        admin___hidden=function("f"),
    )

    assert found == {
        "messages:list",
        "messages:sendAll",
        "messages:getNewest",
        "messages:list2",
        "admin/users/roles:ban",
    }


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "path",
    ["getUsers:default", "getUsers.js", "getUsers.js:default", "m.js:f", "admin/tools.js:f"],
)
async def test_function_is_found_under_each_spelling_of_its_path(tmp_path: Path, path: str) -> None:
    default = function("anything", '@query(name="default")')
    modules = {"getUsers": default, "m": function("f"), "admin/tools": function("f")}
    async with written_app(tmp_path, modules) as app:
        outcome = await app.call(path if ":" in path else f"{path}:default")

        assert outcome.value == b"1"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "path", ["_system/x:f", "schema:Note", "auth.config:default", "_hidden:f", "m:_private", "m"]
)
async def test_what_is_no_function_of_the_app_is_not_found(tmp_path: Path, path: str) -> None:
    modules = {"m": function("f") + function("_private"), "_hidden": function("f")}
    schema = 'class Note(Document, table="notes"):\n    text: str\n'
    async with written_app(tmp_path, modules, schema) as app:
        failure = await app.failure(path if ":" in path else f"{path}:default")

        assert failure.startswith("Could not find public function for '")


@pytest.mark.asyncio
async def test_modules_may_be_called_as_those_of_python(tmp_path: Path) -> None:
    uses = "import http\nimport logging\nNAMES = (http.HTTPStatus.OK, logging.INFO)\n"
    modules = {name: uses + function("f") for name in ("http", "logging", "auth", "crons")}
    async with written_app(tmp_path, modules) as app:
        for name in modules:
            assert await app.value(f"{name}:f") == 1


def test_imported_function_stays_where_it_was_defined(tmp_path: Path) -> None:
    found = paths_of(
        tmp_path,
        a="from functions.b import f\nfrom functions.b import f as other\n",
        b=function("f"),
    )

    assert found == {"b:f"}


def test_function_of_a_factory_belongs_to_the_module_that_calls_it(tmp_path: Path) -> None:
    found = paths_of(
        tmp_path,
        _factories=(
            "import functools\n"
            "def constant(value):\n"
            "    async def constant(ctx) -> int:\n        return value\n"
            "    return query(constant)\n"
            "def logged(handler):\n"
            "    @functools.wraps(handler)\n"
            "    async def run(ctx):\n        return await handler(ctx)\n"
            "    return query(run)\n"
        ),
        a=(
            "from functions._factories import constant, logged\n"
            "one = constant(1)\n"
            "@logged\nasync def two(ctx) -> int:\n    return 2\n"
        ),
        b="from functions.a import one\n",
    )

    assert found == {"a:one", "a:two"}


def test_app_does_not_see_the_modules_of_another(tmp_path: Path) -> None:
    first = {"admin": function("f"), "other": function("f")}
    load_app(write_app(tmp_path / "first", first))

    found = paths_of(tmp_path / "second", admin__users=function("f"))
    refusal = refusal_of(tmp_path / "third", m="import functions.other\n")

    assert found == {"admin/users:f"}
    assert "No module named 'functions.other'" in refusal


def test_second_name_of_one_function_is_no_conflict(tmp_path: Path) -> None:
    text = function("f", '@query(name="list")') + "again = f\n"

    assert paths_of(tmp_path, m=text) == {"m:list"}


@pytest.mark.parametrize(
    "text",
    [
        function("send_all") + function("sendAll"),
        function("list_") + function("x", '@mutation(name="list")'),
        function("f", '@query(name="default")') + function("g", '@query(name="default")'),
    ],
)
def test_two_functions_with_one_wire_name_are_refused_with_both_places(
    tmp_path: Path, text: str
) -> None:
    refusal = refusal_of(tmp_path, m=text)

    assert "m.py:8: Two functions have the wire name" in refusal
    assert "m.py:5" in refusal


def test_function_called_as_a_type_does_not_hide_it(tmp_path: Path) -> None:
    text = "@query\nasync def list(ctx, ids: list[str]) -> list[str]:\n    return ids\n"

    assert paths_of(tmp_path, m=text) == {"m:list"}


@pytest.mark.parametrize(
    ("modules", "text"),
    [
        ({"foo.bar": function("f")}, "`functions/foo.bar.py` can't be a module of functions"),
        ({"my-file": function("f")}, "`functions/my-file.py` can't be a module of functions"),
        (
            {"admin": function("f"), "admin/users": function("f")},
            "`functions/admin.py` and the folder `functions/admin/` have the same name",
        ),
        ({"schema": ""}, "`functions/schema.py` is not where tables are declared"),
        ({"m": function("f", '@query(name="a b")')}, "`a b` can't be the name of a function"),
        ({"m": function("f", '@query(name="1st")')}, "`1st` can't be the name of a function"),
        ({"m": "@query\ndef f(ctx):\n    return 1\n"}, "`f` must be an `async def`"),
        (
            {"m": "@query\nasync def f(ctx, a_b: str, aB: str):\n    return 1\n"},
            "Two parameters have the wire name `aB`",
        ),
        (
            {"m": '@query(args={"a": v.string()})\nasync def f(ctx):\n    return 1\n'},
            "With `args=` a handler takes exactly `(ctx, args)`",
        ),
        *(
            (
                {"m": f"@query({keyword}={declared})\nasync def f(ctx, args):\n    return 1\n"},
                text,
            )
            for keyword, declared, text in [
                ("args", "v.string()", "Expected validators by name in `args=`, such as"),
                ("args", "[v.string()]", "Expected validators by name in `args=`, such as"),
                ("args", '{"a": str}', "Expected a validator for the field `a`, such as"),
                ("returns", "str", "Expected validators by name in `returns=`, such as"),
                ("returns", '{"a": 5}', "Expected a validator for the field `a`, such as"),
            ]
        ),
    ],
)
def test_app_that_cannot_be_loaded_says_why(
    tmp_path: Path, modules: dict[str, str], text: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        load_app(write_app(tmp_path, modules))

    assert text in caught.value.message


VALUE = "VALUE = {value}\n"
LATE_IMPORT = """
@query
async def f(ctx) -> str:
    from functions import _values
    import late
    return f"{_values.VALUE} {late.VALUE}"
"""


@pytest.mark.asyncio
@pytest.mark.parametrize("breaks", [True, False])
async def test_import_in_a_function_finds_its_own_app_after_another_load(
    tmp_path: Path, breaks: bool
) -> None:
    async with written_app(tmp_path, LATE_IMPORT) as app:
        root = app.backend.app.root
        (root / "late.py").write_text(VALUE.format(value=1))
        (root / "functions" / "_values.py").write_text(VALUE.format(value=1))
        (root / "functions" / "n.py").write_text("import late\nfrom functions import _values\n")
        served = load_app(root)
        await app.backend.change_app(served)
        (root / "late.py").write_text(VALUE.format(value=10))
        (root / "functions" / "_values.py").write_text(VALUE.format(value=10))
        (root / "functions" / "o.py").write_text("def (\n" if breaks else "")
        with pytest.raises(DefinitionError) if breaks else nullcontext():
            load_app(root)

        served.make_importable()

        assert await app.value("f") == "1 1"
