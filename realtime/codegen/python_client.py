"""The Python side of an app: typed calls over the official client (PyPI `convex`).

`Api(client)` has the public functions as methods, nested like their modules; `Live(client)` has the
queries, each giving a subscription. Arguments are keywords in the names that the handlers have.
Methods that would hide a keyword or a builtin end with an underscore: `list_`.
"""

from __future__ import annotations

import inspect
import keyword
import re
from dataclasses import dataclass
from typing import Final

from realtime.codegen.document_types import DocumentTypes
from realtime.codegen.function_tree import FunctionTree, function_tree
from realtime.codegen.output import MADE_BY
from realtime.codegen.python_types import (
    HIDING,
    TYPE_NAMES,
    PythonTypes,
    class_name,
    identifier,
    is_plain_name,
)
from realtime.codegen.spec import app_functions
from realtime.codegen.typescript_types import quoted
from realtime.codegen.unique_names import UniqueNames
from realtime.runtime.registry import AppFunction, LoadedApp
from realtime.values.validators import AnyValidator, ObjectValidator

FILE_NAME: Final = "client.py"

_CLIENT_CLASS: Final = "ConvexClient"
_ATTRIBUTE: Final = "_client"
_ROOT_DOCSTRINGS: Final = {
    "Api": "The public functions, each call of which waits for its result.",
    "Live": "The public queries, each of which gives a subscription.",
}
_HEAD: Final = f'''\
# {MADE_BY} --python` from the app's functions and schema: do not edit.
"""Typed calls of the app's functions over the official Python client."""

from __future__ import annotations

'''
_SUPPORT: Final = '''\
T_co = TypeVar("T_co", covariant=True)


class Subscription(Protocol[T_co]):
    """The results of a query: the current one, and each that follows."""

    def __iter__(self) -> Iterator[T_co]: ...
    def __next__(self) -> T_co: ...
    def unsubscribe(self) -> None:
        """End the subscription."""


_ABSENT: Any = object()


def given(args: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in args.items() if value is not _ABSENT}
'''
_TYPING: Final = frozenset({*TYPE_NAMES, "cast"}) - {"ConvexInt64", "Subscription"}
_SUPPORT_NAMES: Final = frozenset({"Any", "Protocol", "TypeVar"})
_TAKEN: Final = (*TYPE_NAMES, *_ROOT_DOCSTRINGS, _CLIENT_CLASS, "Iterator", "T_co", "cast")
_NOT_PARAMETERS: Final = frozenset({*_TAKEN, "given", "self"})
"""Names that a parameter must not have: the body of its method means something else by them."""


def python_files(app: LoadedApp) -> dict[str, str]:
    """Return the text of the client module, by its file's name; the same for the same app."""
    return {FILE_NAME: _Module(app).text()}


@dataclass(frozen=True, slots=True)
class _Argument:
    """One parameter of a method, and the argument that it stands for."""

    name: str
    wire_name: str | None
    type_text: str
    is_optional: bool

    def declaration(self) -> str:
        default = " = _ABSENT" if self.is_optional else ""
        return f"{self.name}: {self.type_text}{default}"


class _Module:
    """Writes the module of one app."""

    def __init__(self, app: LoadedApp) -> None:
        self._names = UniqueNames(_TAKEN)
        self._types = PythonTypes(DocumentTypes(app.schema), self._names)
        self._public = [f for f in app_functions(app.registry) if not f.is_internal]
        self._classes: list[str] = []

    def text(self) -> str:
        """Return the whole text."""
        queries = [f for f in self._public if f.kind == "query"]
        self._class(function_tree(self._public), "Api", is_live=False)
        self._class(function_tree(queries), "Live", is_live=True)
        parts = [self._imports() + "\n" + _SUPPORT, *self._types.definitions, *self._classes]
        return _HEAD + "\n\n".join(parts)

    def _imports(self) -> str:
        used = self._types.used_names | _SUPPORT_NAMES
        typing_names = ", ".join(sorted(used & _TYPING, key=lambda name: (name.islower(), name)))
        client_names = [_CLIENT_CLASS, *sorted(used & {"ConvexInt64"})]
        return (
            "from collections.abc import Iterator\n"
            f"from typing import {typing_names}\n\n"
            f"from convex import {', '.join(client_names)}\n"
        )

    def _class(self, tree: FunctionTree, name: str, *, is_live: bool) -> str:
        """Write the class of a folder or module, after those within it, and return its name."""
        members = UniqueNames((_ATTRIBUTE,))
        setters = [f"        self.{_ATTRIBUTE} = client\n"]
        for step in sorted(tree.children):
            child = tree.children[step]
            child_name = self._names.take(f"_{name.lstrip('_')}{class_name(step)}")
            self._class(child, child_name, is_live=is_live)
            setters.append(f"        self.{members.take(_member(step))} = {child_name}(client)\n")
        methods = [
            self._method(tree.functions[step], members.take(_member(step)), is_live=is_live)
            for step in sorted(tree.functions)
        ]
        docstring = f'    """{_ROOT_DOCSTRINGS[name]}"""\n\n' if name in _ROOT_DOCSTRINGS else ""
        begin = f"    def __init__(self, client: {_CLIENT_CLASS}) -> None:\n{''.join(setters)}"
        self._classes.append(f"class {name}:\n{docstring}{begin}{''.join(methods)}")
        return name

    def _method(self, function: AppFunction, name: str, *, is_live: bool) -> str:
        base = identifier("".join(map(class_name, re.split("[/:]", function.path))), "M")
        arguments = self._arguments(function, base)
        returns = self._types.type_of(
            function.signature.returns_validator or AnyValidator(), f"{base}Result"
        )
        call = f"{quoted(function.path)}{_passed(arguments)}"
        if is_live:
            returns = f"Subscription[{returns}]"
            subscription = f"self.{_ATTRIBUTE}.subscribe({call})"
            body = f'return {self._types.use("cast")}("{returns}", {subscription})'
        elif returns == "None":
            body = f"self.{_ATTRIBUTE}.{function.kind}({call})"
        else:
            result = f"result: {returns} = self.{_ATTRIBUTE}.{function.kind}({call})"
            body = f"{result}\n        return result"
        head = f"    def {name}({_parameters(arguments)}) -> {returns}:\n"
        return f"\n{head}{_docstring(function.handler.__doc__)}        {body}\n"

    def _arguments(self, function: AppFunction, base: str) -> list[_Argument]:
        """Return the parameters of a method; one without a wire name takes all arguments."""
        validator = function.signature.args_validator
        python_names = {p.wire_name: p.python_name for p in function.signature.parameters or ()}
        if not isinstance(validator, ObjectValidator) or not all(
            is_plain_name(name) and name not in _NOT_PARAMETERS
            for name in (python_names.values() if python_names else validator.fields)
        ):
            return [_Argument("args", None, self._types.type_of(validator, f"{base}Args"), False)]
        found = [
            _Argument(
                python_names.get(name, name),
                name,
                self._types.type_of(entry.validator, base + class_name(name)),
                entry.optional,
            )
            for name, entry in validator.fields.items()
        ]
        return sorted(found, key=lambda argument: argument.is_optional)


def _parameters(arguments: list[_Argument]) -> str:
    if not arguments:
        return "self"
    star = ["*"] if arguments[0].wire_name is not None else []
    lines = ["self", *star, *(argument.declaration() for argument in arguments)]
    return "".join(f"\n        {line}," for line in lines) + "\n    "


def _passed(arguments: list[_Argument]) -> str:
    if not arguments:
        return ""
    if arguments[0].wire_name is None:
        return ", given(dict(args))"
    pairs = ", ".join(f"{quoted(a.wire_name or '')}: {a.name}" for a in arguments)
    return f", given({{{pairs}}})"


def _member(name: str) -> str:
    """Return the name of an attribute or method for a wire name."""
    plain = identifier(name, "m")
    return f"{plain}_" if keyword.iskeyword(plain) or plain in HIDING else plain


def _docstring(text: str | None) -> str:
    cleaned = inspect.cleandoc(text or "").strip()
    if not cleaned:
        return ""
    escaped = cleaned.replace("\\", "\\\\").replace('"', '\\"')
    indented = "\n".join(f"        {line}".rstrip() for line in escaped.splitlines())
    end = "\n        " if "\n" in indented else ""
    return f'        """{indented.lstrip()}{end}"""\n'
