"""How clients name a function: `messages:list`, `admin/users:ban`, `getUsers` (a default export).

Source: contract 5.1.
"""

from __future__ import annotations

import re

from realtime.errors import ValidationError

_COMPONENT = re.compile(r"[A-Za-z0-9_.]+\Z")
_FUNCTION = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")


def canonical_path(text: str) -> str:
    """Return the form under which functions are registered: without `.js` and `:default`.

    Raises:
        ValidationError: `text` is not a path, code `BadConvexFunctionIdentifier`.
    """
    module, colon, function = text.rpartition(":")
    if not colon:
        module, function = text, "default"
    module = module.removesuffix(".js")
    components = module.split("/")
    is_well_formed = _FUNCTION.match(function) and all(
        _COMPONENT.match(component) and component not in (".", "..") for component in components
    )
    if not is_well_formed:
        raise ValidationError(
            f"{text} is not a valid path to a Convex function. "
            "Expected `module:function` or `dir/module:function`",
            code="BadConvexFunctionIdentifier",
        )
    return module if function == "default" else f"{module}:{function}"


def module_form(path: str) -> str:
    """Return a canonical path as error texts show it: `messages.js:list`."""
    module, colon, function = path.rpartition(":")
    return f"{module}.js:{function}" if colon else f"{path}.js:default"
