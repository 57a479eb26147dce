"""The two clients for Python that typed modules are written over, and how their texts differ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Set
from dataclasses import dataclass
from typing import ClassVar, Final

from realtime.codegen.output import MADE_BY
from realtime.codegen.python_types import TYPE_NAMES

_OF_CLIENTS: Final = frozenset({"ConvexInt64", "Int64", "Subscription", "Watch"})
_TYPING: Final = frozenset({*TYPE_NAMES, "cast"}) - _OF_CLIENTS


@dataclass(frozen=True, slots=True)
class WrittenMethod:
    """What a method is but for its name, parameters and docstring."""

    definition: str
    returns: str
    body: str
    needs_cast: bool = False


class PythonFlavour(ABC):
    """How a typed module speaks to its client."""

    file_name: ClassVar[str]
    option: ClassVar[str]
    docstring: ClassVar[str]
    client_class: ClassVar[str]
    int64_name: ClassVar[str]
    taken_names: ClassVar[frozenset[str]]
    """Names that stand at the top of each module, besides those of types."""
    reads_pages: ClassVar[bool]

    def head(self, used_names: Set[str]) -> str:
        """Return the beginning of a module which uses these names of types."""
        return (
            f"# {MADE_BY} {self.option}` from the app's functions and schema: do not edit.\n"
            f'"""{self.docstring}"""\n\n'
            "from __future__ import annotations\n\n"
            f"{self._imports(used_names)}\n{self._support()}\n\n"
        )

    @abstractmethod
    def call(self, call: str, returns: str) -> WrittenMethod:
        """Return the method that waits for the result of a call of the client."""

    @abstractmethod
    def subscription(self, client: str, passed: str, returns: str) -> WrittenMethod:
        """Return the method that gives each result of a query."""

    @abstractmethod
    def pages(self, call: str, item: str) -> WrittenMethod:
        """Return the method that gives the pages that a call of the client gives."""

    @abstractmethod
    def _imports(self, used_names: Set[str]) -> str: ...

    @abstractmethod
    def _support(self) -> str: ...


class _Synchronous(PythonFlavour):
    """Over the official client, PyPI `convex`."""

    file_name = "client.py"
    option = "--python"
    docstring = "Typed calls of the app's functions over the official Python client."
    client_class = "ConvexClient"
    int64_name = "ConvexInt64"
    taken_names = frozenset({"ConvexClient", "Iterator", "T_co", "cast"})
    reads_pages = False

    def call(self, call: str, returns: str) -> WrittenMethod:
        return WrittenMethod("def", returns, _result(call, returns))

    def subscription(self, client: str, passed: str, returns: str) -> WrittenMethod:
        returned = f"Subscription[{returns}]"
        body = f'return cast("{returned}", {client}.subscribe({passed}))'
        return WrittenMethod("def", returned, body, needs_cast=True)

    def pages(self, call: str, item: str) -> WrittenMethod:
        raise AssertionError("The official client reads no pages by itself")

    def _imports(self, used_names: Set[str]) -> str:
        names = [self.client_class, *sorted(used_names & {self.int64_name})]
        return (
            "from collections.abc import Iterator\n"
            f"from typing import {_typing(used_names | {'Any', 'Protocol', 'TypeVar'})}\n\n"
            f"from convex import {', '.join(names)}\n"
        )

    def _support(self) -> str:
        return f"{_SUBSCRIPTION}\n\n{_GIVEN}"


class _Asynchronous(PythonFlavour):
    """Over the client of our own, `realtime.client`."""

    file_name = "async_client.py"
    option = "--python --async"
    docstring = "Typed calls of the app's functions in asyncio, over `realtime.client`."
    client_class = "Client"
    int64_name = "Int64"
    taken_names = frozenset({"AsyncIterator", "Client"})
    reads_pages = True

    def call(self, call: str, returns: str) -> WrittenMethod:
        return WrittenMethod("async def", returns, _result(f"await {call}", returns))

    def subscription(self, client: str, passed: str, returns: str) -> WrittenMethod:
        return WrittenMethod("def", f"Watch[{returns}]", f"return {client}.watch({passed})")

    def pages(self, call: str, item: str) -> WrittenMethod:
        return WrittenMethod("def", f"AsyncIterator[list[{item}]]", f"return {call}")

    def _imports(self, used_names: Set[str]) -> str:
        names = [self.client_class, *sorted(used_names & {self.int64_name}), "Watch"]
        iterator = "from collections.abc import AsyncIterator\n"
        return (
            f"{iterator if 'AsyncIterator' in used_names else ''}"
            f"from typing import {_typing(used_names | {'Any'})}\n\n"
            f"from realtime.client import {', '.join(names)}\n"
        )

    def _support(self) -> str:
        return _GIVEN


_SUBSCRIPTION: Final = '''\
T_co = TypeVar("T_co", covariant=True)


class Subscription(Protocol[T_co]):
    """The results of a query: the current one, and each that follows."""

    def __iter__(self) -> Iterator[T_co]: ...
    def __next__(self) -> T_co: ...
    def unsubscribe(self) -> None:
        """End the subscription."""
'''
_GIVEN: Final = """\
_ABSENT: Any = object()


def given(args: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in args.items() if value is not _ABSENT}
"""

SYNCHRONOUS: Final[PythonFlavour] = _Synchronous()
ASYNCHRONOUS: Final[PythonFlavour] = _Asynchronous()


def _typing(names: Set[str]) -> str:
    return ", ".join(sorted(names & _TYPING, key=lambda name: (name.islower(), name)))


def _result(call: str, returns: str) -> str:
    if returns == "None":
        return call
    return f"result: {returns} = {call}\n        return result"
