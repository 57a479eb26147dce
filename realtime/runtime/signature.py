"""What a function takes and gives: from a handler's parameters to one validator each.

Annotations are the validators. A parameter `session_id: Id[Session]` is the argument `sessionId`;
one with a default, or typed `X | Unset`, is optional. `args=` and `returns=` say the same in
validators, for what annotations cannot; the handler is then `(ctx, args)` with a dictionary in
wire names.
"""

from __future__ import annotations

import builtins
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from realtime.casing import wire_name
from realtime.errors import DefinitionError, ValidationError
from realtime.runtime.registration import Declaration, RegisteredFunction
from realtime.values.annotations import ANY_CODEC, compile_annotation, declared_name, is_optional
from realtime.values.codec import Codec, encode_set_members
from realtime.values.validators import (
    AnyValidator,
    ObjectField,
    ObjectValidator,
    TableNames,
    Validator,
    v,
)
from realtime.values.value import UNSET, Value

_OF_EVERY_CTX: Final = "run_query"
"""What tells the classes of contexts from those of values."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument: its two names and its type."""

    python_name: str
    wire_name: str
    codec: Codec
    is_optional: bool
    has_default: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """How a function's arguments and result cross its border.

    `parameters` is None for a handler `(ctx, args)` with validators of its own.
    """

    args_validator: Validator
    parameters: tuple[Parameter, ...] | None
    returns: Codec
    returns_validator: Validator | None

    def has_argument(self, python_name: str) -> bool:
        """Say whether there is an argument with this name; with `args=`, a wire name."""
        if self.parameters is not None:
            return any(parameter.python_name == python_name for parameter in self.parameters)
        validator = self.args_validator
        return isinstance(validator, ObjectValidator) and python_name in validator.fields

    def decode_args(self, args: Mapping[str, Value], tables: TableNames) -> dict[str, Any]:
        """Return checked arguments as keywords in Python names; ValidationError if ill-typed."""
        self.args_validator.check(args, tables)
        if self.parameters is None:
            return {"args": args}
        named: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.wire_name in args:
                named[parameter.python_name] = parameter.codec.decode(args[parameter.wire_name])
            elif not parameter.has_default:
                named[parameter.python_name] = UNSET
        return named

    def encode_named(self, named: Mapping[str, Any]) -> dict[str, Value]:
        """Return keywords in Python names as arguments in wire names; not checked further."""
        if self.parameters is None:
            return encode_set_members(named)
        known = {parameter.python_name: parameter for parameter in self.parameters}
        encoded: dict[str, Value] = {}
        for name, value in named.items():
            parameter = known.get(name)
            if parameter is None:
                expected = ", ".join(f"`{python_name}`" for python_name in known) or "none"
                raise ValidationError(f"Unknown argument `{name}`; the arguments are {expected}")
            if value is not UNSET:
                encoded[parameter.wire_name] = parameter.codec.encode(value)
        return encoded


def compile_signature(declaration: Declaration) -> Signature:
    """Return the signature of a declared function; DefinitionError says what is wrong where."""
    handler = declaration.handler
    place = f"{handler.__code__.co_filename}:{handler.__code__.co_firstlineno}"
    try:
        hints = typing.get_type_hints(handler, _names_around(handler), include_extras=True)
    except Exception as error:
        raise DefinitionError(
            f"The annotations of `{handler.__name__}` can't be resolved: {error}", place=place
        ) from error
    try:
        returns = (
            ANY_CODEC
            if "return" not in hints or hints["return"] is Any
            else compile_annotation(hints["return"], handler.__globals__)
        )
        args_validator, parameters = _compile_args(declaration, hints)
        declared_returns = _returns_validator(declaration.returns)
    except DefinitionError as error:
        raise DefinitionError(f"In `{handler.__name__}`: {error.reason}", place=place) from error
    has_returns = declaration.returns is not None or returns is not ANY_CODEC
    returns_validator = (declared_returns or returns.validator) if has_returns else None
    if isinstance(returns_validator, AnyValidator):
        returns_validator = None
    return Signature(args_validator, parameters, returns, returns_validator)


def _names_around(handler: Any) -> dict[str, Any]:
    """Return the globals of a handler, but a function called `list` does not hide the type."""
    names: dict[str, Any] = inspect.unwrap(handler).__globals__
    hiding = {
        name
        for name, value in names.items()
        if isinstance(value, RegisteredFunction) and hasattr(builtins, name)
    }
    return {name: names[name] for name in names.keys() - hiding} if hiding else names


def _compile_args(
    declaration: Declaration, hints: Mapping[str, Any]
) -> tuple[Validator, tuple[Parameter, ...] | None]:
    parameters = list(inspect.signature(declaration.handler).parameters.values())
    if not parameters or _is_argument(hints.get(parameters[0].name, Any)):
        raise DefinitionError(f"The first parameter must be the `ctx`, got `{_shown(parameters)}`")
    if declaration.args is not None:
        if len(parameters) != 2:
            raise DefinitionError(
                "With `args=` a handler takes exactly `(ctx, args)`, and `args` is a dictionary"
            )
        return _object_validator("args", declaration.args), None
    compiled = tuple(
        _parameter(parameter, hints, declaration.handler.__globals__)
        for parameter in parameters[1:]
    )
    fields: dict[str, ObjectField] = {}
    for parameter in compiled:
        if parameter.wire_name in fields:
            raise DefinitionError(
                f"Two parameters have the wire name `{parameter.wire_name}`; rename one"
            )
        fields[parameter.wire_name] = ObjectField(parameter.codec.validator, parameter.is_optional)
    return ObjectValidator(fields), compiled


def _is_argument(annotation: Any) -> bool:
    """Say whether an annotation is of something that a client could send, so of no `ctx`."""
    if annotation is Any or hasattr(annotation, _OF_EVERY_CTX):
        return False
    try:
        compile_annotation(annotation)
    except DefinitionError:
        return False
    return True


def _shown(parameters: Sequence[inspect.Parameter]) -> str:
    # Annotations that are strings are shown with their quotes.
    return f"({', '.join(str(parameter).replace(chr(39), '') for parameter in parameters)})"


def _returns_validator(declared: Any) -> Validator | None:
    if declared is None or isinstance(declared, Validator):
        return declared
    return _object_validator("returns", declared)


def _object_validator(place: str, declared: Any) -> Validator:
    """Return the validator of an object, declared as such or by its fields."""
    if isinstance(declared, Mapping):
        return v.object(cast("Mapping[str, Any]", declared))
    if isinstance(declared, Validator) and dict in declared.wire_types:
        return declared
    raise DefinitionError(
        f'Expected validators by name in `{place}=`, such as `{{"body": v.string()}}`, or the '
        f"validator of an object, got `{declared}`"
    )


_KEYWORD_KINDS: frozenset[Any] = frozenset(
    (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
)


def _parameter(
    parameter: inspect.Parameter, hints: Mapping[str, Any], namespace: Mapping[str, Any]
) -> Parameter:
    if parameter.kind not in _KEYWORD_KINDS:
        raise DefinitionError(
            f"`{parameter}` is not an ordinary parameter; take `args` with `args=v.any()` instead"
        )
    annotation: Any = hints.get(parameter.name, Any)
    codec = _named(parameter.name, lambda: compile_annotation(annotation, namespace))
    has_default = parameter.default is not inspect.Parameter.empty
    return Parameter(
        parameter.name,
        declared_name(annotation) or wire_name(parameter.name),
        codec,
        has_default or is_optional(annotation),
        has_default,
    )


def _named(name: str, compile_codec: Callable[[], Codec]) -> Codec:
    try:
        return compile_codec()
    except DefinitionError as error:
        raise DefinitionError(f"Parameter `{name}`: {error.reason}") from error
