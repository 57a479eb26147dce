"""What Python says of the parts of an app, for the comments and descriptions in what is generated.

A function and a class have a docstring. An argument is described in the docstring of its function,
in the section `Args:` or as `:param name:`. A field is described by the string below it:

    class Parcel(Document, table="parcels"):
        label: str
        \"\"\"What is written on it.\"\"\"
"""

from __future__ import annotations

import ast
import inspect
import re
import tokenize
from collections.abc import Mapping
from typing import Any, Final

from realtime.runtime.registry import AppFunction
from realtime.schema.document_codec import DocumentCodec
from realtime.values.struct import definition_place

_SECTION: Final = re.compile(r"^(?:Args|Arguments|Parameters):$\n((?:^[ \t]+.*\n?|^\n)+)", re.M)
_TEXT: Final = r": +(?P<text>.*(?:\n[ \t]+.*)*)"
_ENTRY: Final = re.compile(r"^(?P<name>\w+)(?: *\([^)]*\))?" + _TEXT, re.M)
_PARAM: Final = re.compile(r"^:param (?:[^:\n]* )?(?P<name>\w+)" + _TEXT, re.M)


def argument_docs(function: AppFunction) -> dict[str, str]:
    """Return what the docstring of a function says of its arguments, by wire name, in one line."""
    docstring = inspect.cleandoc(function.handler.__doc__ or "")
    section = _SECTION.search(docstring + "\n")
    entries = _ENTRY.finditer(inspect.cleandoc("\n" + section[1])) if section else ()
    told = {found["name"]: _one_line(found["text"]) for found in entries}
    told |= {found["name"]: _one_line(found["text"]) for found in _PARAM.finditer(docstring)}
    parameters = function.signature.parameters
    if parameters is None:
        return told
    return {p.wire_name: told[p.python_name] for p in parameters if p.python_name in told}


def field_docs(codec: DocumentCodec | None) -> dict[str, str]:
    """Return what stands below the fields of a document class, by wire name; bases included."""
    if codec is None:
        return {}
    document_class: type[Any] = codec.document_class
    told: dict[str, str] = {}
    for base in reversed(document_class.__mro__):
        told |= _strings_below_fields(base)
    return {f.wire_name: told[name] for name, f in codec.fields.items() if name in told}


def _strings_below_fields(cls: type[Any]) -> Mapping[str, str]:
    file, _, line = (definition_place(cls) or "").rpartition(":")
    if not file:
        return {}
    try:
        with tokenize.open(file) as stream:
            tree = ast.parse(stream.read())
    except (OSError, SyntaxError):
        return {}  # the class was not made from a file, as in a notebook
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first <= int(line) <= (node.end_lineno or first):
                return _strings_in(node)
    return {}


def _strings_in(node: ast.ClassDef) -> Mapping[str, str]:
    told: dict[str, str] = {}
    for statement, below in zip(node.body, node.body[1:], strict=False):
        match statement, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                told[name] = inspect.cleandoc(text)
            case _:
                pass
    return told


def _one_line(text: str) -> str:
    return " ".join(text.split())
