"""Spellings of function paths, and what is none."""

from __future__ import annotations

import pytest

from realtime.errors import ValidationError
from realtime.runtime.function_path import canonical_path, module_form


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("messages:list", "messages:list"),
        ("messages.js:list", "messages:list"),
        ("admin/users:ban", "admin/users:ban"),
        ("admin/users.js:ban", "admin/users:ban"),
        ("getUsers", "getUsers"),
        ("getUsers:default", "getUsers"),
        ("getUsers.js", "getUsers"),
        ("a.b:_$1", "a.b:_$1"),
        ("1:x", "1:x"),
    ],
)
def test_spellings_of_a_path_have_one_form(text: str, canonical: str) -> None:
    assert canonical_path(text) == canonical
    assert canonical_path(canonical) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *["", ":", ":list", "messages:", "a//b:c", "/a:b", "a/:b", "../a:b", "./a:b", "a:b c"],
        *["a:1b", "a b:c", "a:b\n", "a\n:b", "ä:b", "a-b:c", "a:b:c", "a:b-c"],
    ],
)
def test_what_is_no_path_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        canonical_path(text)

    assert refusal.value.code == "BadConvexFunctionIdentifier"
    assert refusal.value.message.startswith(f"{text} is not a valid path")
    assert "Expected `module:function`" in refusal.value.message


@pytest.mark.parametrize(
    ("canonical", "shown"),
    [
        ("messages:list", "messages.js:list"),
        ("a/b:c", "a/b.js:c"),
        ("getUsers", "getUsers.js:default"),
    ],
)
def test_errors_show_the_module_as_a_file(canonical: str, shown: str) -> None:
    assert module_form(canonical) == shown
