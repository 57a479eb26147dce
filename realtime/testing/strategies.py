"""Strategies for Hypothesis, made from what an app declares: values that fit, and no others.

The one module that needs the library; it comes with none of the package's own dependencies.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

from hypothesis import strategies as st

from realtime.errors import ValidationError
from realtime.runtime.registration import RegisteredFunction
from realtime.runtime.signature import compile_signature
from realtime.values.ids import encode_id
from realtime.values.nearest import suggestion
from realtime.values.object_codec import ObjectCodec
from realtime.values.validators import (
    AnyValidator,
    ArrayValidator,
    BooleanValidator,
    BytesValidator,
    IdValidator,
    Int64Validator,
    IntegerValidator,
    LiteralValidator,
    NullValidator,
    NumberValidator,
    ObjectValidator,
    RecordValidator,
    StringValidator,
    UnionValidator,
    Validator,
)
from realtime.values.value import MAX_SAFE_INTEGER, Int64, Value

T = TypeVar("T")

_SOME_TABLE: Final = 10_001
_ID_BYTES: Final = 16
_INT64_END: Final = 2**63
_MAX_MEMBERS: Final = 5
_KEYS: Final = st.text(string.ascii_letters + string.digits, min_size=1, max_size=8)
# Surrogates are no Unicode text; they can't be stored.
_TEXTS: Final = st.text(st.characters(codec="utf-8"), max_size=30)
_SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(-_INT64_END, _INT64_END - 1).map(Int64),
    _TEXTS,
    st.binary(max_size=30),
)
_ANYTHING: Final = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=_MAX_MEMBERS)
        | st.dictionaries(_KEYS, inner, max_size=_MAX_MEMBERS)
    ),
    max_leaves=8,
)


def documents(document_class: type[T], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """Return a strategy of whole documents of a class, as `ctx.db.get` gives them.

    Their ids are well formed and belong to no document. `fields` are strategies for fields in
    Python names, in place of those that the annotations make.

    Raises:
        ValidationError: The class has no such field.
    """
    codec: ObjectCodec = cast(Any, document_class).__codec__()
    validator = codec.validator
    assert isinstance(validator, ObjectValidator), "a class is an object on the wire"
    replaced: dict[str, st.SearchStrategy[Any]] = {}
    for name, strategy in fields.items():
        field = codec.fields.get(name)
        if field is None:
            raise ValidationError(
                f"`{document_class.__name__}` has no field `{name}`; "
                f"{suggestion(name, list(codec.fields))}"
            )
        replaced[field.wire_name] = strategy.map(field.codec.encode)
    return _objects(validator, replaced).map(codec.decode)


def arguments(
    function: RegisteredFunction[..., Any], **named: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of the arguments of a function, as a mapping in wire names.

    `named` are strategies for arguments in wire names, in place of those that the annotations make:
    ids of documents that exist.
    """
    validator = compile_signature(function.declaration).args_validator
    if isinstance(validator, ObjectValidator):
        unknown = named.keys() - validator.fields.keys()
        if unknown:
            raise ValidationError(
                f"{function} has no argument `{min(unknown)}`; "
                f"{suggestion(min(unknown), list(validator.fields))}"
            )
        return _objects(validator, named)
    return cast("st.SearchStrategy[dict[str, Any]]", values(validator))


def values(validator: Validator) -> st.SearchStrategy[Value]:
    """Return a strategy of the wire values that a validator such as `v.string()` accepts."""
    strategy: st.SearchStrategy[Any]
    match validator:
        case NullValidator():
            strategy = st.none()
        case BooleanValidator():
            strategy = st.booleans()
        case NumberValidator():
            strategy = st.floats()
        case IntegerValidator():
            strategy = st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER).map(float)
        case Int64Validator():
            strategy = st.integers(-_INT64_END, _INT64_END - 1).map(Int64)
        case StringValidator():
            strategy = _TEXTS
        case BytesValidator():
            strategy = st.binary(max_size=30)
        case IdValidator():
            random = st.binary(min_size=_ID_BYTES, max_size=_ID_BYTES)
            strategy = random.map(lambda drawn: encode_id(_SOME_TABLE, drawn))
        case LiteralValidator():
            strategy = st.just(validator.value)
        case AnyValidator():
            strategy = _ANYTHING
        case ArrayValidator():
            strategy = st.lists(values(validator.element), max_size=_MAX_MEMBERS)
        case ObjectValidator():
            strategy = _objects(validator, {})
        case RecordValidator():
            strategy = st.dictionaries(
                _record_keys(validator.keys), values(validator.values), max_size=_MAX_MEMBERS
            )
        case UnionValidator():
            strategy = st.one_of([values(member) for member in validator.members])
        case _:
            raise ValidationError(f"There are no strategies for `{validator}`")
    return strategy


def _record_keys(validator: Validator) -> st.SearchStrategy[Any]:
    """Return a strategy of names: of all strings, those that are names of an object."""
    return _KEYS if isinstance(validator, StringValidator) else values(validator)


def _objects(
    validator: ObjectValidator, replaced: Mapping[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    strategies = {
        name: replaced[name] if name in replaced else values(field.validator)
        for name, field in validator.fields.items()
    }
    optional = {
        name for name, field in validator.fields.items() if field.optional and name not in replaced
    }
    return st.fixed_dictionaries(
        {name: each for name, each in strategies.items() if name not in optional},
        optional={name: strategies[name] for name in optional},
    )
