"""Writes the parts of `docs/reference.md` that signatures and docstrings tell.

    python tools/reference.py [--check]

A part stands between two comments. The first names an object of the package, and how its members
are reached:

    <!-- from realtime.MutationCtx as ctx -->
    …
    <!-- end -->

(`… as result without a, b` leaves members out that are not for users.) A class is shown with its
public members, and with those of bases that have no part of their own.

Everything outside of such parts is written by hand: the order, and what no docstring can say. The
source is read and not imported, which keeps overloads, the spelling of annotations and the order of
members; the same source gives the same text. With `--check` nothing is written, and the exit code
is 1 if a part is not what the source says.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import griffe

ROOT: Final = Path(__file__).resolve().parents[1]
REFERENCE: Final = ROOT / "docs" / "reference.md"

_PART: Final = re.compile(
    r"^<!-- from (?P<path>[\w.]+)(?: as (?P<name>[\w.]+))?(?: without (?P<without>[\w, ]+))? -->\n"
    r".*?^<!-- end -->$",
    re.MULTILINE | re.DOTALL,
)
_STARS: Final = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
_FINAL: Final = re.compile(r"^Final(?:\[.*\])?$")
_CALLABLE_PARAMETERS: Final = ("P.args", "P.kwargs")
"""The annotations of what stands for the parameters of a function that is given."""
_FOR_CHECKERS_ALONE: Final = ("Queried[Q]", "Id[DocumentWithTheseFields]")
"""Parameters of overloads that repeat another one for type checkers."""
_PLAIN: Final = {
    "PatchedIdOf[D, P]": "Id[D]",
    "PatchedId[P]": "Id[Any]",
    "ReplacedId[P]": "Id[Any]",
    "F": "str",
    "F_co": "str",
    "V": "Any",
    "V_co": "Any",
    "Bound[F, V]": "Bound",
}
"""What an annotation that tells more to type checkers says to people."""


def render(text: str) -> str:
    """Return the reference with each of its parts as the source has it now."""
    package = griffe.load("realtime", search_paths=[ROOT], docstring_parser="google")
    assert isinstance(package, griffe.Module)
    writer = _Writer(package, {found["path"] for found in _PART.finditer(text)})

    def write(found: re.Match[str]) -> str:
        first, *_ = found[0].splitlines()
        without = frozenset((found["without"] or "").split(", "))
        lines = writer.part(found["path"], found["name"], without)
        return "\n".join([first, "", *lines, "", "<!-- end -->"])

    return _PART.sub(write, text)


class _Writer:
    """Writes parts; `documented` are the paths of all objects that have one."""

    def __init__(self, package: griffe.Module, documented: set[str]) -> None:
        self._package = package
        self._documented = {_find(package, path).path for path in documented}

    def part(self, path: str, name: str | None, without: frozenset[str]) -> list[str]:
        """Return the lines of one part.

        Args:
            path: The object, as it is imported.
            name: What its members are reached by; the class's own name if it is None.
            without: Members that are left out.
        """
        found = _find(self._package, path)
        match found:
            case griffe.Class():
                return list(self._class(found, name or found.name, without))
            case griffe.Function():
                return [*_signatures(found, found.name), "", *_text(found)]
            case _:
                return list(_text(found))

    def _class(self, found: griffe.Class, name: str, without: frozenset[str]) -> Iterator[str]:
        making = None if "__init__" in without else found.members.get("__init__")
        is_told = isinstance(making, griffe.Function) and making.has_docstring
        if isinstance(making, griffe.Function) and is_told:
            yield from _signatures(making, found.name)
            yield ""
        yield from _text(found)
        if isinstance(making, griffe.Function) and is_told:
            yield ""
            yield from _text(making)
        for member in self._members(found):
            if member.name not in without:
                yield ""
                yield from _member(member, name)

    def _members(self, found: griffe.Class) -> list[griffe.Object]:
        """Return the public members of a class and of its bases that have no part of their own."""
        classes = [found]
        elsewhere: set[str] = set()
        for base in found.mro():
            if base.path in self._documented:
                elsewhere |= {base.path, *(each.path for each in base.mro())}
            elif base.path not in elsewhere:
                classes.append(base)
        members: dict[str, griffe.Object] = {}
        for each in reversed([each for each in classes if each.path not in elsewhere]):
            members |= {
                name: member
                for name, member in each.members.items()
                if isinstance(member, griffe.Object) and _is_told(member)
            }
        return list(members.values())


def _is_told(member: griffe.Object) -> bool:
    """Say whether a member is public, and a field or described."""
    annotation = str(getattr(member, "annotation", None) or "")
    if member.name.startswith("_") or annotation == "NoReturn":
        return False
    is_field = member.is_attribute and annotation != "" and not _FINAL.match(annotation)
    return member.has_docstring or is_field


def _find(package: griffe.Module, path: str) -> griffe.Object:
    found = package[path.removeprefix("realtime.")]
    target = found.final_target if isinstance(found, griffe.Alias) else found
    assert isinstance(target, griffe.Object)
    return target


def _member(member: griffe.Object, name: str) -> Iterator[str]:
    path = f"{name}.{member.name}"
    if isinstance(member, griffe.Function):
        lines = _signatures(member, path)
    else:
        lines = [_field(member, path)]
    if member.has_docstring:
        lines[-1] += "\\"
        lines += _text(member)
    first, *more = lines
    yield f"- {first}"
    yield from (f"  {line}" if line else "" for line in more)


def _field(member: griffe.Object, path: str) -> str:
    annotation = _FINAL.sub("", str(getattr(member, "annotation", None) or ""))
    return f"`{path}: {_annotation(annotation)}`" if annotation else f"`{path}`"


def _signatures(function: griffe.Function, name: str) -> list[str]:
    """Return a line for each overload, or for the function itself."""
    told = [each for each in function.overloads or [function] if not _is_for_checkers(each)]
    calls = [f"`{_signature(each, name)}`" for each in told]
    return [*(f"{call}\\" for call in calls[:-1]), calls[-1]]


def _is_for_checkers(function: griffe.Function) -> bool:
    return any(str(each.annotation) in _FOR_CHECKERS_ALONE for each in function.parameters)


def _signature(function: griffe.Function, name: str) -> str:
    call = f"{name}({', '.join(_parameters(function))})"
    returned = _annotation(function.returns or "None")
    is_block = any("asynccontextmanager" in str(each.value) for each in function.decorators)
    if is_block:
        return f"async with {call} as {_inside(returned)}"
    operation = re.fullmatch(r"Operation\[(.*)\]", returned)
    if operation or "async" in function.labels:
        call, returned = f"await {call}", operation[1] if operation else returned
    return call if returned == "None" else f"{call} -> {returned}"


def _annotation(annotation: object) -> str:
    """Return an annotation as it is written; type variables are private to their modules."""
    return re.sub(r"\b_([A-Z])\b", r"\1", _PLAIN.get(str(annotation), str(annotation)))


def _inside(annotation: str) -> str:
    found = re.fullmatch(r"\w+\[(.*)\]", annotation)
    assert found is not None, annotation
    return found[1]


def _parameters(function: griffe.Function) -> Iterator[str]:
    """Yield the parameters as they are written, with the marks of their kinds."""
    kinds = griffe.ParameterKind
    parameters = [each for each in function.parameters if each.name not in ("self", "cls")]
    before: griffe.ParameterKind | None = None
    for parameter in parameters:
        kind = parameter.kind
        if before is kinds.positional_only and kind is not kinds.positional_only:
            yield "/"
        if kind is kinds.keyword_only and before not in (kinds.keyword_only, kinds.var_positional):
            yield "*"
        before = kind
        if str(parameter.annotation) not in _CALLABLE_PARAMETERS:
            yield _parameter(parameter)
        elif kind is kinds.var_keyword:
            yield f"**{parameter.name}"
    if before is kinds.positional_only:
        yield "/"


def _parameter(parameter: griffe.Parameter) -> str:
    assert parameter.kind is not None
    stars = _STARS.get(parameter.kind, "")
    name = f"{stars}{parameter.name}"
    annotation = "" if parameter.annotation is None else f": {_annotation(parameter.annotation)}"
    has_default = parameter.default is not None and not stars
    equals = " = " if annotation else "="
    return f"{name}{annotation}{f'{equals}{parameter.default}' if has_default else ''}"


def _text(found: griffe.Object) -> Iterator[str]:
    """Yield the docstring: its text as it is, what it says of parameters and errors as lists."""
    assert found.docstring is not None, f"`{found.path}` has no docstring"
    kinds = griffe.DocstringSectionKind
    for number, section in enumerate(found.docstring.parsed):
        if number:
            yield ""
        match section.kind:
            case kinds.text:
                yield from section.value.splitlines()
            case kinds.parameters:
                for each in section.value:
                    yield f"- `{each.name}`: {_one_line(each.description)}"
            case kinds.raises:
                for each in section.value:
                    yield f"- raises `{each.annotation}`: {_one_line(each.description)}"
            case _:
                raise AssertionError(f"`{found.path}`: a section {section.kind}")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def main(arguments: list[str]) -> int:
    """Write the parts, or with `--check` compare them; return the exit code."""
    text = REFERENCE.read_text()
    rendered = render(text)
    if arguments == ["--check"]:
        if rendered == text:
            return 0
        print("docs/reference.md is not what the source says. Run `make reference`")
        return 1
    REFERENCE.write_text(rendered)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
