"""Finding functions by path and by object. Loading is tested with whole apps."""

from __future__ import annotations

from typing import Any

import pytest

from realtime import QueryCtx, query
from realtime.errors import NotFoundError, ValidationError
from tests.unit.runtime.small_app import app_of


@query
async def listed(ctx: QueryCtx) -> None: ...


@query(name="default")
async def main(ctx: QueryCtx) -> None: ...


def test_function_is_found_by_each_spelling_and_by_its_object() -> None:
    registry = app_of(listed).registry
    function = registry.functions["t:listed"]

    assert registry.find("t:listed") is function
    assert registry.find("t.js:listed") is function
    assert registry.resolve("t.js:listed") is function
    assert registry.resolve(listed) is function
    assert function.handler is listed.declaration.handler


def test_path_of_nothing_is_none_and_no_path_is_an_error() -> None:
    registry = app_of(listed).registry

    assert registry.find("t:absent") is None
    with pytest.raises(ValidationError):
        registry.find("not a path")


@pytest.mark.parametrize("reference", ["t:absent", main])
def test_reference_to_what_the_app_has_not_is_named(reference: Any) -> None:
    with pytest.raises(NotFoundError) as refusal:
        app_of(listed).registry.resolve(reference)

    assert refusal.value.code == "FunctionNotFound"
    assert f"Could not find function for '{reference}'" in refusal.value.message


def test_handler_itself_is_no_reference() -> None:
    handler: Any = listed.declaration.handler

    with pytest.raises(ValidationError, match=r"Expected a registered function or a path .* got"):
        app_of(listed).registry.resolve(handler)
