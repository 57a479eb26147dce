"""The command lines of all documents: each starts a program that is known, and is understood."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import click
import pytest
import typer

from realtime.cli.main import app as command_line
from tests.docs.blocks import CODE, DOCS, DOCUMENTS, blocks_of, claim
from tests.harness.server_process import ROOT

OPERATIONS = DOCS / "operations.md"

RUN_ELSEWHERE = {"operations.md": {"export", "npx"}, "tutorial.md": {"cd", "printf", "python"}}
"""Programs whose lines the test of their document runs."""
SHELL = {"source .venv/bin/activate"}
"""Lines that every shell understands."""


def lines() -> Iterator[tuple[str, str, list[str]]]:
    """Yield place, program and words of each command line of the documents."""
    for document in DOCUMENTS:
        if not any(block.language == "sh" for block in blocks_of(document)):
            continue
        for block in claim(document, "sh"):
            for number, line in enumerate(block.code.splitlines()):
                words = shlex.split(line, comments=True)
                if words:
                    program = words[0].removeprefix(".venv/bin/")
                    yield f"{document.name}:{block.line + number}", program, words


LINES = list(lines())


def commands(program: str) -> list[Any]:
    """Return the command lines that start a program, as parameters of a test."""
    return [pytest.param(words, id=place) for place, name, words in LINES if name == program]


def test_every_line_starts_a_program_that_is_checked() -> None:
    unchecked = [
        (place, words)
        for place, name, words in LINES
        if name not in {"make", "realtime", *RUN_ELSEWHERE.get(place.partition(":")[0], ())}
        and " ".join(words) not in SHELL
    ]

    assert unchecked == []


@pytest.mark.parametrize("words", commands("make"))
def test_make_targets_exist(words: list[str]) -> None:
    targets = re.findall(r"^([a-z._-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert [word for word in words[1:] if "=" not in word and word not in targets] == []


@pytest.mark.parametrize("words", commands("realtime"))
def test_command_lines_are_understood(words: list[str]) -> None:
    command = subcommand(words[1])

    command.make_context(words[1], words[2:])


def subcommand(name: str) -> Any:
    """Return a command of the program `realtime`."""
    group = typer.main.get_command(command_line)
    command = group.get_command(click.Context(group), name)  # type: ignore[attr-defined,arg-type]
    assert command is not None, f"There is no command `{name}`"
    return command


def test_options_and_defaults_are_those_of_the_commands() -> None:
    rows = re.findall(r"^\| (`--.*?) \| (.*?) \|", OPERATIONS.read_text(), re.MULTILINE)
    shown = {option: default for cell, default in rows for option in CODE.findall(cell)}

    have: dict[str, Any] = {}
    for name in ("dev", "serve", "run", "data", "init", "codegen", "spec"):
        for parameter in subcommand(name).params:
            if parameter.param_type_name == "option":
                for option in (*parameter.opts, *parameter.secondary_opts):
                    have[option] = parameter.default
    have.pop("--help", None)
    assert set(shown) == set(have)
    for option, default in have.items():
        if default is not None and not isinstance(default, bool):
            assert shown[option] == f"`{default}`"
