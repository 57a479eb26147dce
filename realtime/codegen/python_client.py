"""The Python side of an app: typed calls over one of the clients in `python_flavours`.

`Api(client)` has the public functions as methods, nested like their modules; `Live(client)` has the
queries, each giving its results as they change, and `Pages(client)` the paginated ones where the
client reads pages. Arguments are keywords in the names that the handlers have. Methods that would
hide a keyword or a builtin end with an underscore: `list_`.
"""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, assert_never

from realtime.casing import wire_name
from realtime.codegen.document_types import DocumentTypes
from realtime.codegen.function_tree import FunctionTree, function_tree
from realtime.codegen.python_flavours import ASYNCHRONOUS, SYNCHRONOUS, PythonFlavour
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
from realtime.values.validators import (
    AnyValidator,
    ArrayValidator,
    ObjectValidator,
    Validator,
)

_ATTRIBUTE: Final = "_client"
_PAGE_SIZE: Final = "page_size"
_OPTIONS: Final = wire_name("pagination_opts")
_PAGE: Final = "page"
_IS_DONE: Final = wire_name("is_done")
_NOT_PARAMETERS: Final = frozenset({"given", "self"})
"""Names that a parameter must not have: the body of its method means something else by them."""


class _Root(Enum):
    """A class at the top of the module; the value is its name."""

    CALLS = "Api"
    LIVE = "Live"
    PAGES = "Pages"


_DOCSTRINGS: Final[Mapping[str, str]] = {
    "Api": "The public functions, each call of which waits for its result.",
    "Live": "The public queries, each of which gives a subscription.",
    "Pages": "The public queries that are paginated, each of which gives its pages.",
}


def python_files(app: LoadedApp) -> dict[str, str]:
    """Return the text of the module over PyPI `convex`, by its file's name.

    It is the same for the same app.
    """
    return {SYNCHRONOUS.file_name: _Module(app, SYNCHRONOUS).text()}


def async_python_files(app: LoadedApp) -> dict[str, str]:
    """Return the text of the module over `realtime.client`; as `python_files`."""
    return {ASYNCHRONOUS.file_name: _Module(app, ASYNCHRONOUS).text()}


@dataclass(frozen=True, slots=True)
class _Argument:
    """One parameter of a method, and the argument that it stands for."""

    name: str
    wire_name: str | None
    type_text: str
    is_optional: bool
    default: str = "_ABSENT"

    def declaration(self) -> str:
        default = f" = {self.default}" if self.is_optional else ""
        return f"{self.name}: {self.type_text}{default}"


class _Module:
    """Writes the module of one app."""

    def __init__(self, app: LoadedApp, flavour: PythonFlavour) -> None:
        self._flavour = flavour
        taken = {*TYPE_NAMES, *_DOCSTRINGS, *flavour.taken_names}
        self._not_parameters = frozenset({*taken, *_NOT_PARAMETERS})
        self._names = UniqueNames(sorted(taken))
        documents = DocumentTypes(app.schema)
        self._types = PythonTypes(documents, self._names, flavour.int64_name)
        self._public = [f for f in app_functions(app.registry) if not f.is_internal]
        self._classes: list[str] = []

    def text(self) -> str:
        """Return the whole text."""
        queries = [f for f in self._public if f.kind == "query"]
        self._class(function_tree(self._public), _Root.CALLS)
        self._class(function_tree(queries), _Root.LIVE)
        paginated = [f for f in queries if _page(f) is not None and self._has_keywords(f)]
        if paginated and self._flavour.reads_pages:
            self._types.use("AsyncIterator")
            self._class(function_tree(paginated), _Root.PAGES)
        head = self._flavour.head(self._types.used_names)
        return head + "\n\n".join([*self._types.definitions, *self._classes])

    def _class(self, tree: FunctionTree, root: _Root, name: str | None = None) -> str:
        """Write the class of a folder or module, after those within it, and return its name."""
        own_name = root.value if name is None else name
        members = UniqueNames((_ATTRIBUTE,))
        setters = [f"        self.{_ATTRIBUTE} = client\n"]
        for step in sorted(tree.children):
            child_name = self._names.take(f"_{own_name.lstrip('_')}{class_name(step)}")
            self._class(tree.children[step], root, child_name)
            setters.append(f"        self.{members.take(_member(step))} = {child_name}(client)\n")
        methods = [
            self._method(tree.functions[step], members.take(_member(step)), root)
            for step in sorted(tree.functions)
        ]
        docstring = f'    """{_DOCSTRINGS[root.value]}"""\n\n' if name is None else ""
        client = self._flavour.client_class
        begin = f"    def __init__(self, client: {client}) -> None:\n{''.join(setters)}"
        self._classes.append(f"class {own_name}:\n{docstring}{begin}{''.join(methods)}")
        return own_name

    def _method(self, function: AppFunction, name: str, root: _Root) -> str:
        base = identifier("".join(map(class_name, re.split("[/:]", function.path))), "M")
        arguments = self._arguments(function, base)
        validator = function.signature.returns_validator or AnyValidator()
        returns = self._types.type_of(validator, f"{base}Result")
        match root:
            case _Root.CALLS:
                call = f"self.{_ATTRIBUTE}.{function.kind}({_passed(function, arguments)})"
                written = self._flavour.call(call, returns)
            case _Root.LIVE:
                written = self._flavour.subscription(
                    f"self.{_ATTRIBUTE}", _passed(function, arguments), returns
                )
                if written.needs_cast:
                    self._types.use("cast")
            case _Root.PAGES:
                arguments = [a for a in arguments if a.wire_name != _OPTIONS]
                size = UniqueNames(a.name for a in arguments).take(_PAGE_SIZE)
                passed = f"{_passed(function, arguments)}, {_PAGE_SIZE}={size}"
                arguments.append(_Argument(size, "", "int", True, "100"))
                page = self._types.type_of(_page(function) or AnyValidator(), f"{base}ResultPage")
                written = self._flavour.pages(f"self.{_ATTRIBUTE}.pages({passed})", page)
            case _:
                assert_never(root)
        head = f"    {written.definition} {name}({_parameters(arguments)}) -> {written.returns}:\n"
        return f"\n{head}{_docstring(function.handler.__doc__)}        {written.body}\n"

    def _has_keywords(self, function: AppFunction) -> bool:
        """Return whether each argument of a function can be a parameter of its method."""
        validator = function.signature.args_validator
        return isinstance(validator, ObjectValidator) and all(
            is_plain_name(name) and name not in self._not_parameters
            for name in (_python_names(function).values() or validator.fields)
        )

    def _arguments(self, function: AppFunction, base: str) -> list[_Argument]:
        """Return the parameters of a method; one without a wire name takes all arguments."""
        validator = function.signature.args_validator
        if not isinstance(validator, ObjectValidator) or not self._has_keywords(function):
            return [_Argument("args", None, self._types.type_of(validator, f"{base}Args"), False)]
        python_names = _python_names(function)
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


def _python_names(function: AppFunction) -> dict[str, str]:
    """Return the names of a handler's parameters by their wire names."""
    return {p.wire_name: p.python_name for p in function.signature.parameters or ()}


def _parameters(arguments: list[_Argument]) -> str:
    if not arguments:
        return "self"
    star = ["*"] if arguments[0].wire_name is not None else []
    lines = ["self", *star, *(argument.declaration() for argument in arguments)]
    return "".join(f"\n        {line}," for line in lines) + "\n    "


def _passed(function: AppFunction, arguments: list[_Argument]) -> str:
    """Return what a method passes on: the path, and the arguments that were given."""
    path = quoted(function.path)
    if not arguments:
        return path
    if arguments[0].wire_name is None:
        return f"{path}, given(dict(args))"
    pairs = ", ".join(f"{quoted(a.wire_name or '')}: {a.name}" for a in arguments)
    return f"{path}, given({{{pairs}}})"


def _page(function: AppFunction) -> Validator | None:
    """Return what a page of a paginated query holds; None if it is no such query."""
    takes, gives = function.signature.args_validator, function.signature.returns_validator
    if not isinstance(takes, ObjectValidator) or _OPTIONS not in takes.fields:
        return None
    if not isinstance(gives, ObjectValidator) or not {_PAGE, _IS_DONE} <= gives.fields.keys():
        return None
    page = gives.fields[_PAGE].validator
    return page.element if isinstance(page, ArrayValidator) else None


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
