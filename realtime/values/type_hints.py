"""The annotations of a class as types, whatever its module and its fields are called.

`typing.get_type_hints` and msgspec look names up in the class body first, so that a field called
`list` breaks the next field's `list[str]`; and in `sys.modules`, where the module of a loaded app
may be missing, or be that of another app. So names are looked up here: in the namespace in which
the class was defined, and nowhere in the class.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Mapping
from typing import Any, ForwardRef

from realtime.errors import DefinitionError
from realtime.values.struct import StructMeta, definition_place

Namespace = Mapping[str, Any]


def resolved_hints(cls: type, fallback: Namespace) -> dict[str, Any]:
    """Return the annotations of `cls` and its bases as types, by name, bases first.

    `Annotated`, `Required` and the like are kept.

    Args:
        cls: a class whose annotations may be strings.
        fallback: where names are looked up if the namespace of a class is not known.

    Raises:
        DefinitionError: a name does not exist, or an annotation makes no sense.
    """
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        annotations = inspect.get_annotations(base)
        if annotations:
            hints.update(_evaluated(cls, annotations, defining_namespace(base, fallback)))
    return hints


def defining_namespace(cls: type, fallback: Namespace) -> Namespace:
    """Return the globals of the module that defined `cls`, else `fallback`."""
    if isinstance(cls, StructMeta):
        return cls.__defining_globals__
    module = sys.modules.get(cls.__module__)
    found: Any = module
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    # A module of another app may have that name: only one that holds the class is the right one.
    if module is not None and (found is cls or "<locals>" in cls.__qualname__):
        return vars(module)
    # What a module defines keeps its globals, also the constructor that `dataclass` writes.
    for member in vars(cls).values():
        if inspect.isfunction(member) and member.__globals__.get("__name__") == cls.__module__:
            return member.__globals__
    return fallback


def _evaluated(cls: type, annotations: dict[str, Any], names: Namespace) -> dict[str, Any]:
    # A class of its own, so that `ClassVar` is allowed and no field stands in the way of a name.
    texts = {name: _as_text(annotation) for name, annotation in annotations.items()}
    carrier = type(cls.__name__, (), {"__annotations__": texts})
    try:
        return typing.get_type_hints(carrier, dict(names), {}, include_extras=True)
    except DefinitionError as error:
        if error.place is not None:
            raise
        raise _unresolved(cls, error.reason) from None
    except NameError as error:
        reason = f"`{error.name}` is not defined in its module"
        raise _unresolved(cls, reason) from error
    except (TypeError, SyntaxError, AttributeError) as error:
        raise _unresolved(cls, str(error)) from error


def _as_text(annotation: Any) -> Any:
    """Undo what `TypedDict` does to string annotations: it ties them to `sys.modules`."""
    return annotation.__forward_arg__ if isinstance(annotation, ForwardRef) else annotation


def _unresolved(cls: type, reason: str) -> DefinitionError:
    return DefinitionError(
        f"An annotation of `{cls.__name__}` cannot be understood: {reason}",
        place=definition_place(cls),
    )
