"""The tutorial is followed from its first step to its last, in a folder of its own.

Each block is a step. A command line is run; a file is written as an editor would; a text is what
must have been printed: by `realtime dev` after a file was saved, else by the last command. The
server listens on a free port, and that is all that differs.
"""

from __future__ import annotations

import ast
import json
import queue
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.apps import run_python
from tests.docs.blocks import DOCS, Block, claim, same_text
from tests.harness.command_line import RunningCommand, realtime
from tests.harness.programs import Node
from tests.harness.server_process import free_port

TUTORIAL = DOCS / "tutorial.md"
STEPS = claim(TUTORIAL, "sh", "text", "python", "js")
URL = "http://127.0.0.1:3210"
SET_UP = {"make", "source"}
"""Programs that set up what the tests have."""


class Learner:
    """Somebody who does what the tutorial says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self._running = ExitStack()
        self._dev: RunningCommand
        self._next_line: Callable[[], str]
        """Where the next line that is shown comes from."""

    def close(self) -> None:
        """End whatever runs."""
        self._running.close()

    def do(self, step: Block) -> None:
        """Do one step."""
        match step.language:
            case "sh":
                for line in step.code.splitlines():
                    self._type(shlex.split(line.replace(URL, self.url)))
            case "text":
                self._read(step)
            case _:
                self._save(step)

    def _type(self, words: list[str]) -> None:
        match words:
            case [program, *_] if program in SET_UP:
                pass
            case ["cd", ".."]:
                pass  # out of the repository, where the test has never been
            case ["cd", folder]:
                if self.folder.name != folder:  # the second terminal goes where the first is
                    self.folder /= folder
            case ["printf", text, ">", file]:
                (self.folder / file).write_text(text.replace("\\n", "\n"))
            case ["realtime", "dev" | "serve" as command, *more]:
                if command == "serve":  # in the terminal where the other one has been
                    assert self._dev.interrupt() == 0
                self._dev = self._start(command, "--port", self.url.rpartition(":")[2], *more)
                self._next_line = self._dev.line
            case ["realtime", "watch", *more]:
                self._next_line = self._start("watch", *more, "--url", self.url).line
            case ["realtime", *more]:
                url = () if more[0] in ("init", "codegen") else ("--url", self.url)
                self._see(realtime(*more, *url, folder=self.folder, admin_key=None))
            case ["python", *more]:
                self._see(run_python(self.folder, *more, "-p", "no:cacheprovider"))
            case _:
                raise AssertionError(f"{words}: nobody has taught that")

    def _start(self, *arguments: str) -> RunningCommand:
        command = RunningCommand(*arguments, folder=self.folder, admin_key=None)
        return self._running.enter_context(command)

    def _see(self, ran: subprocess.CompletedProcess[str]) -> None:
        assert ran.returncode == 0, ran.stdout + ran.stderr
        lines = iter(ran.stdout.splitlines())
        self._next_line = lambda: next(lines)

    def _read(self, step: Block) -> None:
        shown = step.code.replace(URL, self.url)
        printed = self._next_line()
        while not same_text(printed, shown):
            try:
                printed += f"\n{self._next_line()}"
            except (StopIteration, queue.Empty):
                raise AssertionError(f"{step} shows\n{shown}\nbut it is\n{printed}") from None

    def _save(self, step: Block) -> None:
        file = self.folder / step.name
        code = step.code.partition("\n")[2]
        match step.language:
            case "js":
                code = _with_line(file.read_text(), code)
            case "python" if file.exists() and "import annotations" not in code:
                code = _with_function(file.read_text(), code)
            case _:
                pass
        file.write_text(code)
        self._next_line = self._dev.line


def _with_line(source: str, line: str) -> str:
    """Put a line in the place of the one that begins with the same call."""
    begin = line.partition("(")[0]
    (old,) = (each for each in source.splitlines(keepends=True) if each.startswith(begin))
    return source.replace(old, line)


def _with_function(source: str, code: str) -> str:
    """Put code with a function in the place of the function with the same name."""
    (name,) = (node.name for node in ast.parse(code).body if isinstance(node, ast.AsyncFunctionDef))
    (old,) = (node for node in ast.parse(source).body if getattr(node, "name", None) == name)
    lines = source.splitlines(keepends=True)
    first = min(decorator.lineno for decorator in old.decorator_list) - 1
    return "".join([*lines[:first], code, *lines[old.end_lineno :]])


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learner]:
    """Somebody who has followed the tutorial to its end."""
    learner = Learner(tmp_path_factory.mktemp("tutorial"))
    try:
        for step in STEPS:
            learner.do(step)
        yield learner
    finally:
        learner.close()


NOTES = ["Buy milk", "Water the plants", "Call Bob"]
"""What is to be done when the tutorial ends."""


def test_tutorial_ends_with_the_notes_that_it_has_made(learner: Learner) -> None:
    command = ("run", "todo:list", "--url", learner.url)
    ran = realtime(*command, folder=learner.folder, admin_key=None)

    assert [note["text"] for note in json.loads(ran.stdout)] == NOTES


def test_app_of_the_tutorial_is_typed(learner: Learner) -> None:
    files = ("schema.py", "auth_config.py", "functions")
    mypy = ("-m", "mypy", "--strict", "--explicit-package-bases")

    checked = run_python(learner.folder, *mypy, *files)

    assert checked.returncode == 0, checked.stdout


@pytest.mark.browser
def test_two_windows_of_its_page_show_the_same(learner: Learner, node: Node, chromium: str) -> None:
    arguments = {"url": learner.url, "executablePath": chromium, "text": "Sing"}

    told = node.run("browser_notes.mjs", **arguments)

    assert told == {"notes": [*NOTES, "Sing"], "complaints": []}
