"""`Struct`: a typed, immutable object inside documents, arguments and results.

For type checkers a `Struct` is a frozen dataclass with keyword parameters. At run time it is a
msgspec struct, whose field names have their wire form from `casing.py`.

The metaclass keeps where a class was defined: its module's namespace, in which the names of its
annotations are looked up (the module may have no place in `sys.modules`, or another app's module
may have that name), and its file and line, for error texts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

import msgspec
from typing_extensions import dataclass_transform

from realtime.casing import wire_name
from realtime.errors import DefinitionError

_T = TypeVar("_T")

Rename = Callable[[str], str] | None
"""How the Python names of fields become wire names; None keeps them."""

INHERIT_RENAME: Final[Any] = object()
"""The default of the class keyword `rename`: what the base class does, at the root camelCase."""

if TYPE_CHECKING:
    MsgspecStructMeta = type
else:
    MsgspecStructMeta = type(msgspec.Struct)


class StructMeta(MsgspecStructMeta):
    """Makes frozen, keyword-only msgspec structs with wire names."""

    __struct_fields__: tuple[str, ...]
    __struct_encode_fields__: tuple[str, ...]
    __rename__: tuple[Rename]
    __defining_globals__: dict[str, Any]
    __definition_place__: str

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        rename: Any = INHERIT_RENAME,
    ) -> Any:
        """Make the class.

        Raises:
            DefinitionError: a field cannot be declared as it is; two have one wire name.
        """
        if rename is INHERIT_RENAME:
            rename = _inherited_rename(bases)
        frame = _defining_frame(namespace.get("__module__"))
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        body = dict(namespace)
        # In a tuple, as a function in a class would become a method.
        body["__rename__"] = (rename,)
        body["__defining_globals__"] = frame.f_globals
        body["__definition_place__"] = place
        try:
            return super().__new__(
                mcls,
                name,
                bases,
                body,
                frozen=True,
                kw_only=True,
                rename=rename,
                # msgspec's decoder shall accept what the validator accepts, and no more.
                forbid_unknown_fields=True,
            )
        except (TypeError, ValueError) as error:
            reason = _shared_wire_name(bases, namespace, rename) or str(error)
            raise DefinitionError(f"`{name}` cannot be declared: {reason}", place=place) from error


def _inherited_rename(bases: tuple[type, ...]) -> Rename:
    for base in bases:
        if isinstance(base, StructMeta):
            return base.__rename__[0]
    return wire_name


def _defining_frame(module_name: str | None) -> FrameType:
    """Return the frame that executes the class statement: the nearest one of its module."""
    frame = inspect.currentframe()
    # This function and the metaclass stand between.
    for _ in range(2):
        frame = frame.f_back if frame is not None else None
    nearest = frame
    while frame is not None and frame.f_globals.get("__name__") != module_name:
        frame = frame.f_back
    found = frame or nearest
    assert found is not None, "a class statement runs in a frame"
    return found


def _shared_wire_name(
    bases: tuple[type, ...], namespace: Mapping[str, Any], rename: Rename
) -> str | None:
    """Return which two fields share a wire name, or None if that is not what is wrong."""
    wire_names: dict[str, str] = {}
    for base in bases:
        names = getattr(base, "__struct_fields__", ())
        wire_names.update(zip(names, getattr(base, "__struct_encode_fields__", ()), strict=True))
    for name in namespace.get("__annotations__", {}):
        declared = getattr(namespace.get(name), "name", None)
        wire_names[name] = declared or (rename(name) if rename else name)
    owners: dict[str, str] = {}
    for name, wire in wire_names.items():
        if wire in owners:
            return (
                f"the fields `{owners[wire]}` and `{name}` have the same wire name `{wire}`; "
                "rename one, or set it with `field(name=…)`"
            )
        owners[wire] = name
    return None


def definition_place(cls: type) -> str | None:
    """Return `file:line` of the statement that defined `cls`, where it is known."""
    place: str | None = cls.__dict__.get("__definition_place__")
    return place


@overload
def field(*, default: _T, name: str | None = None) -> _T: ...
@overload
def field(*, default_factory: Callable[[], _T], name: str | None = None) -> _T: ...
@overload
def field(*, name: str | None = None) -> Any: ...
def field(
    *, default: Any = msgspec.NODEFAULT, default_factory: Any = None, name: str | None = None
) -> Any:
    """Declare a field of a `Struct` or `Document` that needs more than an annotation.

    Args:
        default: Its value where none is given; the field may then be missing on the wire too.
        default_factory: Called for that value.
        name: Its wire name, in place of the camelCase form of the Python name.
    """
    if default_factory is None:
        return msgspec.field(default=default, name=name)
    return msgspec.field(default_factory=default_factory, name=name)


if TYPE_CHECKING:

    @dataclass_transform(
        kw_only_default=True, frozen_default=True, eq_default=True, field_specifiers=(field,)
    )
    class Struct:
        """An immutable object with declared fields, in snake_case here, camelCase on the wire.

        A field with a default, or one declared `X | Unset`, may be missing on the wire. The class
        keyword `rename=None` keeps the Python names.
        """

        def __init_subclass__(cls, *, rename: Rename = ...) -> None: ...

else:

    class Struct(msgspec.Struct, metaclass=StructMeta):
        """An immutable object with declared fields, in snake_case here, camelCase on the wire.

        A field with a default, or one declared `X | Unset`, may be missing on the wire. The class
        keyword `rename=None` keeps the Python names.
        """
