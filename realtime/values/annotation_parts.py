"""What an annotation consists of: its type, the marks beside it, and how error texts call it."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin

from realtime.errors import DefinitionError
from realtime.values.codec import type_name
from realtime.values.value import UNSET, Unset


@dataclass(frozen=True, slots=True)
class Name:
    """The wire name of a parameter, or of a field of a dataclass or TypedDict.

    `Annotated[str, Name("from")]`
    """

    wire_name: str


class Parts(NamedTuple):
    """An annotation taken apart: its type without `Unset`, and what stands beside it."""

    annotation: Any
    metadata: tuple[Any, ...]
    may_be_unset: bool

    @property
    def wire_name(self) -> str | None:
        """The wire name declared beside the type, or None."""
        return next((item.wire_name for item in self.metadata if isinstance(item, Name)), None)


def parts_of(annotation: Any) -> Parts:
    """Return the parts of the annotation of a parameter or field."""
    metadata: tuple[Any, ...] = ()
    annotation = unaliased(annotation)
    if get_origin(annotation) is Annotated:
        annotation, *rest = get_args(annotation)
        metadata = tuple(rest)
    members = get_args(annotation) if is_union(annotation) else ()
    if Unset not in members:
        return Parts(annotation, metadata, may_be_unset=False)
    others = tuple(member for member in members if member is not Unset)
    inner = parts_of(Union[others])  # noqa: UP007 (the members are only known here)
    return Parts(inner.annotation, (*inner.metadata, *metadata), may_be_unset=True)


def declared_name(annotation: Any) -> str | None:
    """Return the wire name that `Annotated[X, Name("…")]` declares, or None."""
    return parts_of(annotation).wire_name


def is_optional(annotation: Any) -> bool:
    """Say whether an annotation is `X | Unset`."""
    return parts_of(annotation).may_be_unset


def is_union(annotation: Any) -> bool:
    """Say whether an annotation is a union, however it is spelled."""
    return get_origin(annotation) in (Union, types.UnionType)


def unaliased(annotation: Any) -> Any:
    """Return what a `type` statement stands for; `typing` and its extensions have a class each."""
    aliased = getattr(annotation, "__value__", UNSET)
    return annotation if aliased is UNSET else unaliased(aliased)


def unsupported(annotation: Any, hint: str | None = None) -> DefinitionError:
    """Return the error of an annotation that no wire value fits, with what to write instead."""
    kind: Any = get_origin(annotation) or annotation
    if hint is None and isinstance(annotation, str):
        hint = "it is a string that was not resolved"
    elif hint is None and (
        isinstance(annotation, TypeVar) or bool(getattr(kind, "__parameters__", None))
    ):
        hint = "generic classes have no wire form, so declare a class for each use"
    elif hint is None:
        hint = _HINTS.get(
            getattr(kind, "__name__", ""), "declare a class with fields as a `Struct`"
        )
    return DefinitionError(
        f"Expected an annotation that has a wire form, got `{annotation_text(annotation)}`: {hint}"
    )


def annotation_text(annotation: Any) -> str:
    """Return an annotation as error texts print it."""
    if isinstance(annotation, type) and not get_args(annotation):
        return type_name(annotation)
    return repr(annotation).replace("typing.", "")


_HINTS = {
    "set": "use `list[…]`",
    "frozenset": "use `list[…]`",
    "datetime": "use `float`, milliseconds since the epoch",
    "date": "use `float`, milliseconds since the epoch",
    "timedelta": "use `float`, milliseconds",
    "Decimal": "use `float` or `str`",
    "UUID": "use `str`",
    "complex": "use two `float` fields",
    "Unset": "an optional field is annotated `X | Unset`",
    "UnsetType": "an optional field is annotated `X | Unset`",
}
