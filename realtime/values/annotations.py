"""Annotations as codecs: what a handler or a class declares, compiled once while an app is loaded.

Compiling is lazy: classes name each other before they exist, so nothing is looked up before the
modules have been executed. A compiled class keeps its codec. A class may bring its own, by a
class attribute `__codec__` that returns it; a generic one is given its type arguments.

Annotations are given resolved, as `typing.get_type_hints(…, include_extras=True)` returns them.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, NewType, get_args, get_origin

from typing_extensions import is_typeddict

from realtime.casing import wire_name
from realtime.errors import DefinitionError
from realtime.values.annotation_parts import (
    Name,
    annotation_text,
    declared_name,
    is_optional,
    is_union,
    parts_of,
    unaliased,
    unsupported,
)
from realtime.values.class_fields import ClassField, class_fields, is_native_class, teach_msgspec
from realtime.values.codec import (
    ANY_CODEC,
    Codec,
    IntCodec,
    LiteralCodec,
    ReplacedCodec,
    ScalarCodec,
)
from realtime.values.container_codecs import ListCodec, RecordCodec, UnionCodec
from realtime.values.id_type import Id, IdOf
from realtime.values.object_codec import FieldCodec, FieldsCodec, ObjectCodec
from realtime.values.pydantic_models import ModelCodec, is_model
from realtime.values.struct import definition_place
from realtime.values.type_hints import Namespace, defining_namespace
from realtime.values.validators import (
    BooleanValidator,
    BytesValidator,
    IdValidator,
    Int64Validator,
    NullValidator,
    NumberValidator,
    OptionalField,
    StringValidator,
    Validator,
    literal_validator,
    record_validator,
)
from realtime.values.value import Int64, Unset

__all__ = [
    "ANY_CODEC",
    "Name",
    "codec_of_class",
    "compile_annotation",
    "compile_fields",
    "compile_member",
    "declared_name",
    "is_optional",
]


class _Scope(NamedTuple):
    """What is being compiled: the classes around, and where names are looked up by default."""

    classes: tuple[type, ...] = ()
    namespace: Namespace = types.MappingProxyType({})


_scope: ContextVar[_Scope] = ContextVar("_scope")

_CODEC_ATTRIBUTE = "__compiled_codec__"


def compile_annotation(annotation: Any, namespace: Namespace | None = None) -> Codec:
    """Return the codec of a resolved annotation; `Any` and a missing one take every value.

    Of `X | Unset` it is the codec of X: whether a field may be missing is the affair of what holds
    the field (`is_optional`).

    Args:
        annotation: a type, or `inspect.Parameter.empty`.
        namespace: where names in annotations of classes are looked up, if the class does not tell.

    Raises:
        DefinitionError: the annotation has no wire form. The place is set if a class is at fault.
    """
    with _entered(None, namespace):
        parts = parts_of(annotation)
        return _compile_with(parts.annotation, parts.metadata)


def compile_member(
    python_name: str,
    annotation: Any,
    *,
    has_default: bool,
    namespace: Namespace | None = None,
) -> FieldCodec:
    """Return the codec of a parameter or field; one with a default may be missing on the wire.

    `X | Unset` makes it optional, `Annotated[X, Name("…")]` sets its wire name.

    Raises:
        DefinitionError: the annotation has no wire form.
    """
    with _entered(None, namespace):
        return _compile_member(ClassField(python_name, None, annotation, has_default))


def codec_of_class(cls: type[Any]) -> Codec | None:
    """Return the codec of a class with declared fields, None for any other class.

    Raises:
        DefinitionError: a field of it has no wire form, or the class contains itself.
    """
    cached: Codec | None = cls.__dict__.get(_CODEC_ATTRIBUTE)
    if cached is not None:
        return cached
    own = getattr(cls, "__codec__", None)
    codec: Codec | None = _compile_class(cls) if own is None else own()
    if codec is not None:
        setattr(cls, _CODEC_ATTRIBUTE, codec)
    return codec


def compile_fields(cls: type[Any]) -> tuple[FieldCodec, ...] | None:
    """Return the declared fields of a class in order, None if it is not a class with fields.

    Raises:
        DefinitionError: as `codec_of_class`.
    """
    with _entered(cls, None) as scope:
        fields = class_fields(cls, scope.namespace)
        if fields is None:
            return None
        return tuple(_compile_field_of(cls, field) for field in fields)


@contextmanager
def _entered(cls: type[Any] | None, namespace: Namespace | None) -> Generator[_Scope, None, None]:
    outer = _scope.get(_Scope())
    names = outer.namespace if namespace is None else namespace
    if cls is None:
        inner = _Scope(outer.classes, names)
    elif cls in outer.classes:
        raise DefinitionError(
            f"`{cls.__name__}` contains itself, which no value can: refer to it by its id, "
            "or use `Any`",
            place=definition_place(cls),
        )
    else:
        inner = _Scope((*outer.classes, cls), defining_namespace(cls, names))
    token = _scope.set(inner)
    try:
        yield inner
    finally:
        _scope.reset(token)


def _compile_class(cls: type[Any]) -> Codec | None:
    fields = compile_fields(cls)
    if fields is None:
        return None
    try:
        if is_typeddict(cls):
            return FieldsCodec(fields)
        if is_model(cls):
            return ModelCodec(cls, fields)
        native = is_native_class(cls) and teach_msgspec(cls, fields)
        return ObjectCodec(cls, fields, cls if native else None)
    except DefinitionError as error:
        place = error.place or definition_place(cls)
        raise DefinitionError(f"In `{cls.__name__}`: {error.reason}", place=place) from None


def _compile_field_of(cls: type[Any], field: ClassField) -> FieldCodec:
    try:
        return _compile_member(field)
    except DefinitionError as error:
        if error.place is not None:
            raise
        reason = f"Field `{field.python_name}` of `{cls.__name__}`: {error.reason}"
        raise DefinitionError(reason, place=definition_place(cls)) from None


def _compile_member(field: ClassField) -> FieldCodec:
    parts = parts_of(field.annotation)
    if parts.wire_name is not None and field.wire_name is not None:
        raise DefinitionError(
            f'Expected `field(name="{parts.wire_name}")` for the wire name of a field, '
            "got `Name` in its annotation"
        )
    return FieldCodec(
        python_name=field.python_name,
        wire_name=field.wire_name or parts.wire_name or wire_name(field.python_name),
        codec=_compile_with(parts.annotation, parts.metadata),
        optional=parts.may_be_unset or field.has_default,
        unset_if_missing=parts.may_be_unset and not field.has_default,
    )


def _compile(annotation: Any) -> Codec:
    annotation = unaliased(annotation)
    if annotation is Any:
        return ANY_CODEC
    if isinstance(annotation, type) and not get_args(annotation):
        return _compile_type(annotation)
    if annotation is None:
        return _SCALARS[type(None)]
    if isinstance(annotation, NewType):
        return _compile(annotation.__supertype__)
    if is_union(annotation):
        return _compile_union(get_args(annotation))
    origin = get_origin(annotation)
    if origin is Annotated:
        base, *metadata = get_args(annotation)
        return _compile_with(base, tuple(metadata))
    if origin is Literal:
        return _compile_literal(get_args(annotation))
    if origin in (list, Sequence):
        return ListCodec(_compile(get_args(annotation)[0]), as_tuple=False)
    if origin is tuple:
        return _compile_tuple(annotation)
    if origin in (dict, Mapping):
        return _compile_record(*get_args(annotation))
    own = getattr(origin, "__codec__", None)
    if own is not None:
        codec: Codec = own(*get_args(annotation))
        return codec
    raise unsupported(annotation)


def _compile_type(annotation: type[Any]) -> Codec:
    codec = _SCALARS.get(annotation)
    if codec is not None:
        return codec
    if issubclass(annotation, Enum):
        raise unsupported(annotation, "use `Literal[…]`")
    if annotation in (list, Sequence):
        return ListCodec(ANY_CODEC, as_tuple=False)
    if annotation is tuple:
        return ListCodec(ANY_CODEC, as_tuple=True)
    if annotation in (dict, Mapping):
        return _compile_record(str, Any)
    codec = codec_of_class(annotation)
    if codec is None:
        raise unsupported(annotation)
    return codec


def _compile_with(annotation: Any, metadata: tuple[Any, ...]) -> Codec:
    """Compile an annotation with what `Annotated` has beside it; what is not ours is ignored."""
    targets = [item for item in metadata if isinstance(item, IdOf)]
    codec = _id_codec(targets[0].table_name) if targets else _compile(annotation)
    for item in metadata:
        if isinstance(item, OptionalField):
            raise DefinitionError(
                f"Expected a validator in `Annotated`, got `v.optional({item.validator})`: "
                "an optional field is annotated `X | Unset`"
            )
        if isinstance(item, Validator):
            codec = _replaced(annotation, codec, item)
    return codec


def _replaced(annotation: Any, codec: Codec, validator: Validator) -> Codec:
    if codec.validator.wire_types.isdisjoint(validator.wire_types):
        raise DefinitionError(
            f"Expected a validator for `{annotation_text(annotation)}`, which is "
            f"`{codec.validator}` on the wire, got `{validator}`, which accepts no such value"
        )
    return ReplacedCodec(codec, validator)


def _id_codec(table_name: str | None) -> Codec:
    return ScalarCodec(IdValidator(table_name), str)


def _compile_union(members: tuple[Any, ...]) -> Codec:
    if Unset in members:
        raise DefinitionError(
            "Expected a value in every place, got `Unset`: only a field or a parameter may be "
            "annotated `X | Unset`"
        )
    codecs: list[Codec] = []
    for member in members:
        codec = _compile(member)
        codecs.extend(codec.members if isinstance(codec, UnionCodec) else (codec,))
    return codecs[0] if len(codecs) == 1 else UnionCodec(tuple(codecs))


def _compile_literal(values: tuple[Any, ...]) -> Codec:
    if None in values:
        others = tuple(value for value in values if value is not None)
        null = _SCALARS[type(None)]
        return UnionCodec((_compile_literal(others), null)) if others else null
    for value in values:
        if isinstance(value, (Enum, bytes)):
            raise unsupported(Literal[value], "use its plain value, a string or number")
    members = tuple(literal_validator(value) for value in values)
    return LiteralCodec(values, members, Literal[values])


def _compile_tuple(annotation: Any) -> Codec:
    match get_args(annotation):
        case (element, rest) if rest is Ellipsis:
            return ListCodec(_compile(element), as_tuple=True)
        case _:
            raise unsupported(annotation, "use `tuple[X, ...]`, or a `Struct` with named fields")


def _compile_record(keys: Any, values: Any) -> Codec:
    codec = _compile(values)
    return RecordCodec(record_validator(_compile(keys).validator, codec.validator), codec)


_SCALARS: dict[Any, Codec] = {
    type(None): ScalarCodec(NullValidator(), type(None)),
    bool: ScalarCodec(BooleanValidator(), bool),
    float: ScalarCodec(NumberValidator(), float),
    int: IntCodec(),
    Int64: ScalarCodec(Int64Validator(), Int64),
    str: ScalarCodec(StringValidator(), str),
    bytes: ScalarCodec(BytesValidator(), bytes),
    Id: _id_codec(None),
    object: ANY_CODEC,
    inspect.Parameter.empty: ANY_CODEC,
}
