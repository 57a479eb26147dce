"""The declared fields of a class: a struct, a dataclass, a `TypedDict` or a pydantic model."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple, NotRequired, Required, get_args, get_origin

import msgspec
from typing_extensions import ReadOnly, is_typeddict

from realtime.errors import DefinitionError
from realtime.values.object_codec import FieldCodec
from realtime.values.pydantic_models import is_model, model_annotations
from realtime.values.struct import StructMeta
from realtime.values.type_hints import Namespace, resolved_hints


class ClassField(NamedTuple):
    """A field as its class declares it; `wire_name` is None unless the class has fixed it."""

    python_name: str
    wire_name: str | None
    annotation: Any
    has_default: bool


def class_fields(cls: type[Any], namespace: Namespace) -> list[ClassField] | None:
    """Return the fields of `cls` in order, None if it is not a class with declared fields.

    Raises:
        DefinitionError: an annotation cannot be resolved.
    """
    if issubclass(cls, msgspec.Struct):
        return _struct_fields(cls, resolved_hints(cls, namespace))
    if dataclasses.is_dataclass(cls):
        return _dataclass_fields(cls, resolved_hints(cls, namespace))
    if is_typeddict(cls):
        return _typed_dict_fields(cls, resolved_hints(cls, namespace))
    if is_model(cls):
        return _model_fields(cls, model_annotations(cls, namespace))
    return None


def _struct_fields(cls: type[msgspec.Struct], hints: dict[str, Any]) -> list[ClassField]:
    fields: list[ClassField] = []
    defaults = _struct_defaults(cls)
    for name, encoded_name in zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True):
        # A struct that is not ours and renames nothing follows the rule of all declared names.
        is_plain = not isinstance(cls, StructMeta) and encoded_name == name
        wire_name = None if is_plain else encoded_name
        fields.append(ClassField(name, wire_name, hints[name], name in defaults))
    return fields


def _struct_defaults(cls: type[msgspec.Struct]) -> dict[str, Any]:
    """Return what msgspec keeps as defaults, by Python name: a value, or a holder of a factory."""
    names = cls.__struct_fields__[-len(cls.__struct_defaults__) :]
    defaults = zip(names, cls.__struct_defaults__, strict=False)
    return {name: default for name, default in defaults if default is not msgspec.NODEFAULT}


def default_factories(cls: type[msgspec.Struct]) -> dict[str, Callable[[], Any]]:
    """Return what makes the default of a field, for those that have one, by Python name."""
    factories: dict[str, Callable[[], Any]] = {}
    for name, default in _struct_defaults(cls).items():
        # msgspec holds a factory in an object with one attribute, `factory`.
        factories[name] = getattr(default, "factory", partial(_same, default))
    return factories


def _same(value: Any) -> Any:
    return value


def _dataclass_fields(cls: Any, hints: dict[str, Any]) -> list[ClassField]:
    fields: list[ClassField] = []
    for field in dataclasses.fields(cls):
        if not field.init:
            raise DefinitionError(
                f"Field `{field.name}` of `{cls.__name__}`: expected a field that the constructor "
                "takes, got one with `init=False`"
            )
        has_default = (
            field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        )
        fields.append(ClassField(field.name, None, hints[field.name], has_default))
    return fields


def _model_fields(cls: Any, hints: dict[str, Any]) -> list[ClassField]:
    return [
        ClassField(name, info.serialization_alias, hints[name], not info.is_required())
        for name, info in cls.model_fields.items()
    ]


def _typed_dict_fields(cls: Any, hints: dict[str, Any]) -> list[ClassField]:
    fields: list[ClassField] = []
    for name, hint in hints.items():
        # `__required_keys__` knows `total=`, but not the marks in annotations that are strings.
        may_be_missing = name not in cls.__required_keys__
        annotation = hint
        while (origin := get_origin(annotation)) in (Required, NotRequired, ReadOnly):
            if origin is not ReadOnly:
                may_be_missing = origin is NotRequired
            annotation = get_args(annotation)[0]
        fields.append(ClassField(name, None, annotation, may_be_missing))
    return fields


def is_native_class(cls: type[Any]) -> bool:
    """Say whether msgspec knows the wire names of the class, so that it may decode it."""
    return isinstance(cls, StructMeta)


def teach_msgspec(cls: type[Any], fields: Sequence[FieldCodec]) -> bool:
    """Tell msgspec the types of the fields of a `Struct`; False if it cannot decode them.

    msgspec resolves annotations itself, at its first look at a class, in a way that fails where
    ours does not (see `type_hints`); what it has found it keeps. So it is given that look now, at
    types it understands, and the class its own annotations back.
    """
    types = {field.python_name: field.codec.native_type for field in fields}
    if None in types.values() or any(field.unset_if_missing for field in fields):
        return False
    unset = {field.python_name for field in fields if field.optional}
    names = {name for base in cls.__mro__ for name in inspect.get_annotations(base)}
    own = inspect.get_annotations(cls)
    shown: dict[str, Any] = dict.fromkeys(names - types.keys(), ClassVar[Any])
    for name, native in types.items():
        shown[name] = native | msgspec.UnsetType if name in unset else native
    cls.__annotations__ = shown
    try:
        msgspec.json.Decoder(cls)
    except TypeError:
        return False
    finally:
        cls.__annotations__ = own
    return True
