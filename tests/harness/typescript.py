"""The TypeScript compiler over generated files and programs that use them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from realtime.codegen.output import write_files
from realtime.codegen.typescript import typescript_files
from realtime.runtime.registry import LoadedApp, load_app
from tests.harness.programs import CLIENTS

TYPED_CLIENTS = CLIENTS / "typed"
DEPOT = Path(__file__).resolve().parents[1] / "apps" / "depot"

_OPTIONS = {
    "strict": True,
    "noEmit": True,
    "target": "es2022",
    "lib": ["es2022", "dom"],
    "module": "esnext",
    "moduleResolution": "bundler",
    "jsx": "react-jsx",
    "types": [],
    "noUncheckedIndexedAccess": True,
    "skipLibCheck": False,
}
_PACKAGES = ("convex", "react", "@types", "typescript", "csstype")
_FOUND = re.compile(r"^(\S+?)\((\d+),\d+\): error (TS\d+: .*)$", re.MULTILINE)


def depot_app() -> LoadedApp:
    """Return the app with every kind of function and of type."""
    return load_app(DEPOT)


def write_project(
    folder: Path, app: LoadedApp, sources: Iterable[Path] = (), convex: str = "convex"
) -> None:
    """Make a front end of `sources` and of what is generated from `app`.

    Args:
        folder: Where to make it.
        app: Whose types it has.
        sources: Files that are copied into it.
        convex: The package of `tests/clients` that it knows as `convex`.
    """
    write_files(folder / "_generated", typescript_files(app))
    make_project(folder, "*.ts", "*.tsx", "_generated/*", convex=convex)
    for source in sources:
        shutil.copy(source, folder)


def make_project(folder: Path, *include: str, convex: str = "convex") -> None:
    """Make a folder a project of the files that patterns name, with the npm packages."""
    packages = CLIENTS / "node_modules"
    modules = folder / "node_modules"
    modules.mkdir()
    for name in _PACKAGES:
        (modules / name).symlink_to(packages / (convex if name == "convex" else name))
    options = {"compilerOptions": _OPTIONS, "include": include}
    (folder / "tsconfig.json").write_text(json.dumps(options))


def type_errors(folder: Path) -> Mapping[str, list[tuple[int, str]]]:
    """Return line and text of what the compiler finds in a project, by file."""
    compiler = CLIENTS / "node_modules" / ".bin" / "tsc"
    command = [str(compiler), "--noEmit", "--pretty", "false", "--project", str(folder)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    found: dict[str, list[tuple[int, str]]] = {}
    for file, line, text in _FOUND.findall(result.stdout):
        found.setdefault(Path(file).name, []).append((int(line), text))
    assert bool(found) == (result.returncode != 0), result.stdout + result.stderr
    return found
