"""What is checked where a call enters a function and where its result leaves it.

The same for every kind of function and for calls of clients and of other functions; the texts are
those of the contract (5.2, 5.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from realtime.errors import (
    AuthenticationError,
    LimitError,
    NotFoundError,
    RealtimeError,
    ValidationError,
)
from realtime.runtime.error_texts import HandlerFailure
from realtime.runtime.function_path import module_form
from realtime.runtime.operation import Operation
from realtime.runtime.outcome import FunctionCall, FunctionKind
from realtime.runtime.registry import AppFunction
from realtime.runtime.result_encoding import KnownDocument, encode_result
from realtime.runtime.table_query import TableQuery
from realtime.values.codec import encode_set_members
from realtime.values.json_encoding import decode_json
from realtime.values.size import check_value_limits, display_size, size_of
from realtime.values.validators import TableNames
from realtime.values.value import Value

MAX_NESTING = 8
MAX_ARGUMENT_BYTES = 16 * 1024 * 1024


def check_component(call: FunctionCall) -> None:
    """Check that the caller may name a component, and named the one there is (contract 1.2)."""
    if call.component_path is None:
        return
    if not call.identity.is_admin:
        raise AuthenticationError(
            f"Calling '{call.path}' with a `componentPath` needs the admin key: leave it out, or "
            "authenticate with the key",
            code="ComponentForbidden",
        )
    if call.component_path:
        raise NotFoundError(
            "There are no components: expected the empty `componentPath` of the app itself, got "
            f"'{call.component_path}'",
            code="ComponentNotFound",
        )


def check_call(
    function: AppFunction | None, path: str, kind: FunctionKind | None, *, is_admin: bool
) -> AppFunction:
    """Return the function if this caller may run it as this kind; the errors are the contract's.

    `kind` None accepts any kind.
    """
    if function is None or (function.is_internal and not is_admin):
        word = "function" if kind is None and is_admin else "public function"
        raise NotFoundError(
            f"Could not find {word} for '{path}'. Did you forget to run `npx convex dev`?",
            code="FunctionNotFound",
        )
    if kind is not None:
        check_kind(function, kind)
    return function


def check_kind(function: AppFunction, kind: FunctionKind) -> None:
    """Raise a ValidationError if the function is of another kind."""
    if function.kind != kind:
        raise ValidationError(
            f"Trying to execute {module_form(function.path)} as {kind.capitalize()}, "
            f"but it is defined as {function.kind.capitalize()}."
        )


def check_depth(depth: int) -> None:
    """Raise a LimitError where calls inside of calls don't seem to end.

    `depth` is that of the calling function, which is 1 for one that a client called.
    """
    if depth > MAX_NESTING:
        raise LimitError(
            "Cross component call depth limit exceeded. Do you have an infinite loop in your app?"
        )


def encode_arguments(
    function: AppFunction, args: tuple[Any, ...], named: Mapping[str, Any]
) -> Mapping[str, Value]:
    """Return what another function passes, as arguments in wire names; their types are unchecked.

    `args` holds what came without a name: nothing, None or one mapping in wire names. A mapping may
    also come under the name `args`, unless that is an argument of the function.

    Raises:
        ValidationError: There are both, or a part is no value.
        LimitError: They are too large.
    """
    if not args and list(named) == ["args"] and not function.signature.has_argument("args"):
        args, named = (named["args"],), {}
    is_mapping = len(args) == 1 and (args[0] is None or isinstance(args[0], Mapping))
    if args and (named or not is_mapping):
        raise ValidationError(
            "Pass the arguments as keywords in Python names, or as one mapping in wire names"
        )
    if args:
        encoded = encode_set_members(cast("Mapping[str, Any]", args[0] or {}))
    else:
        encoded = function.signature.encode_named(named)
    check_value_limits(encoded)
    check_argument_size(function, size_of(encoded))
    return encoded


def check_argument_size(function: AppFunction, size_bytes: int) -> None:
    """Raise a LimitError if the arguments of a call are too large."""
    if size_bytes > MAX_ARGUMENT_BYTES:
        raise LimitError(
            f"Arguments for {module_form(function.path)} are too large "
            f"(actual: {display_size(size_bytes)}, limit: 16 MiB)"
        )


def decode_arguments(function: AppFunction, args: Any, tables: TableNames) -> dict[str, Any]:
    """Return checked arguments as the handler's keywords; ValidationError if they do not fit."""
    try:
        return function.signature.decode_args(args, tables)
    except ValidationError as error:
        raise ValidationError(
            f"ArgumentValidationError: {error.message}", code="ArgumentValidationError"
        ) from error
    except RealtimeError:
        raise
    except Exception as error:  # an argument's class is the app's own
        raise HandlerFailure(error) from error


def encode_returned(
    function: AppFunction, result: Any, known: Mapping[int, KnownDocument], tables: TableNames
) -> bytes:
    """Return a checked result as canonical JSON; ValidationError if it does not fit.

    `known` holds objects whose bytes need no encoding, by their identity.
    """
    if isinstance(result, TableQuery):
        raise ValidationError(
            "Return value is a Query. Results must be retrieved with .collect(), .take(n), "
            ".first(), or .unique()"
        )
    if isinstance(result, Operation):
        raise ValidationError("The function returned an operation instead of awaiting it")
    try:
        return encode_result(function, result, known, tables)
    except ValidationError as error:
        raise ValidationError(
            f"ReturnsValidationError: {error.message}", code="ReturnsValidationError"
        ) from error
    except RealtimeError:
        raise
    except Exception as error:  # so is the result's
        raise HandlerFailure(error) from error


def decode_returned(function: AppFunction, encoded: bytes) -> Any:
    """Return a result as a calling function gets it: a copy, of the declared type."""
    return function.signature.returns.decode(decode_json(encoded))


def value_or_raise(path: str, value: bytes | None, cause: BaseException | None) -> bytes:
    """Return the encoded result of a call for another function, or raise what the call raised."""
    if value is not None:
        return value
    if not isinstance(cause, Exception):  # one of asyncio or the interpreter, if raised here
        cause = RuntimeError(f"`{path}` ended with {cause!r}")
    raise cause


def check_awaited(
    function: AppFunction, unawaited: Iterable[Operation[object]], root: Path, loss: str
) -> None:
    """Raise a ValidationError that names the first operation that was never awaited, and its line.

    `loss` says what the mistake has cost.
    """
    for operation in unawaited:
        file, line, name = operation.place
        raise ValidationError(
            f"`{function.path}` ended with an operation that was never awaited, created at "
            f"{shown_file(file, root)}:{line} in `{name}`. Write `await` before it; {loss}"
        )


def shown_file(file: str, root: Path) -> str:
    """Return the path of a file, from the app's folder on if it is in there."""
    path = Path(file)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else file
