"""The function spec."""

from __future__ import annotations

from pathlib import Path

from realtime.codegen.spec import function_spec
from realtime.runtime.registry import load_app
from tests.harness.typescript import depot_app
from tests.harness.written_app import write_app


def test_entry_tells_kind_visibility_and_validators(tmp_path: Path) -> None:
    app = write_app(
        tmp_path, "@internal_mutation\nasync def a(ctx: MutationCtx, n: Int64) -> str | None: ...\n"
    )

    number = {"fieldType": {"type": "bigint"}, "optional": False}
    assert function_spec(load_app(app).registry) == [
        {
            "identifier": "m.js:a",
            "functionType": "Mutation",
            "visibility": {"kind": "internal"},
            "args": {"type": "object", "value": {"n": number}},
            "returns": {"type": "union", "value": [{"type": "string"}, {"type": "null"}]},
        }
    ]


def test_function_that_declares_no_result_returns_any() -> None:
    spec = function_spec(depot_app().registry)

    found = {entry["identifier"]: entry["returns"] for entry in spec}
    assert found["admin/users.js:secrets"] == {"type": "any"}


def test_functions_are_in_order_of_their_paths() -> None:
    identifiers = [entry["identifier"] for entry in function_spec(depot_app().registry)]

    assert identifiers[:4] == [
        "admin/2024.js:total",
        "admin/users.js:default",
        "admin/users.js:secrets",
        "parcels.js:add",
    ]
    assert len(identifiers) == len(depot_app().registry.functions)


def test_action_is_called_so() -> None:
    spec = function_spec(depot_app().registry)

    assert [e["identifier"] for e in spec if e["functionType"] == "Action"] == ["parcels.js:track"]
