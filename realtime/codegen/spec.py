"""The function spec: every function of an app with its types, for programs that read it.

Source: contract 9.4, 6.1 for the validators.
"""

from __future__ import annotations

from typing import Any, Final

from realtime.casing import wire_name
from realtime.runtime.function_path import module_form
from realtime.runtime.registry import AppFunction, Registry
from realtime.values.validators import AnyValidator

SYSTEM_FOLDER: Final = "_system/"
"""Where the paths of the server's own functions begin; they are no part of an app."""

_FUNCTION_TYPE: Final = wire_name("function_type")


def app_functions(registry: Registry) -> list[AppFunction]:
    """Return the functions that the app itself declares, in order of their paths."""
    functions = registry.functions
    return [functions[path] for path in sorted(functions) if not path.startswith(SYSTEM_FOLDER)]


def function_spec(registry: Registry) -> list[dict[str, Any]]:
    """Return an entry for each function of the app; the same for the same app, in order of paths.

    A function that does not say what it returns may return anything.
    """
    return [_entry(function) for function in app_functions(registry)]


def _entry(function: AppFunction) -> dict[str, Any]:
    signature = function.signature
    returns = signature.returns_validator or AnyValidator()
    return {
        "identifier": module_form(function.path),
        _FUNCTION_TYPE: function.kind.capitalize(),
        "visibility": {"kind": "internal" if function.is_internal else "public"},
        "args": signature.args_validator.to_json(),
        "returns": returns.to_json(),
    }
