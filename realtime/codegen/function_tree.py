"""The functions of an app as clients reach them: folders and modules as nested members."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from realtime.runtime.registry import AppFunction

DEFAULT: Final = "default"
"""The member that stands for a function which bears its module's name."""


@dataclass(slots=True)
class FunctionTree:
    """A folder or a module: what is in it, by name. A module has functions, a folder has not."""

    children: dict[str, FunctionTree] = field(default_factory=dict["str", "FunctionTree"])
    functions: dict[str, AppFunction] = field(default_factory=dict[str, AppFunction])


def function_tree(functions: Iterable[AppFunction]) -> FunctionTree:
    """Return the tree of functions; within a branch they keep their order."""
    root = FunctionTree()
    for function in functions:
        module, _, name = function.path.partition(":")
        branch = root
        for step in module.split("/"):
            branch = branch.children.setdefault(step, FunctionTree())
        branch.functions[name or DEFAULT] = function
    return root
