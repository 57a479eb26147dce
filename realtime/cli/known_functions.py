"""What to tell whoever names a function that a server does not have."""

from __future__ import annotations

from typing import Any, Final, cast

from realtime.cli.server_access import CommandError, call_function
from realtime.codegen.spec import SYSTEM_FOLDER
from realtime.runtime.function_path import canonical_path
from realtime.values.nearest import suggestion

_SPEC_PATH: Final = "_system/cli/modules:apiSpec"
_NOT_FOUND: Final = "Could not find "


def unknown_function(message: str, path: str, url: str, admin_key: str | None) -> str | None:
    """Return what to tell if a call failed as there is no such function, else None.

    A server may keep its error texts to itself; which functions it has, it tells its admin.
    """
    known = [] if admin_key is None else _known_functions(url, admin_key)
    is_told = bool(known) and not path.startswith(SYSTEM_FOLDER)  # of which it tells nothing
    if not (canonical_path(path) not in known if is_told else _NOT_FOUND in message):
        return None
    return f"There is no function `{path}`{f': {suggestion(path, known)}' if known else ''}"


def _known_functions(url: str, admin_key: str) -> list[str]:
    """Return the paths of a server's functions; none if it does not tell."""
    try:
        answer = call_function(url, admin_key, _SPEC_PATH, {})
    except CommandError:
        return []
    functions: Any = answer.get("value")
    if not isinstance(functions, list):
        return []
    identifiers = (entry.get("identifier") for entry in cast("list[dict[str, Any]]", functions))
    return sorted(_path_of(name) for name in identifiers if isinstance(name, str))


def _path_of(identifier: str) -> str:
    """Return `messages:list` for `messages.js:list` (contract 9.4)."""
    module, _, name = identifier.rpartition(":")
    module = module.removesuffix(".js")
    return module if name == "default" else f"{module}:{name}"
