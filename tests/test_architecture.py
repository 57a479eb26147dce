"""The table of allowed imports: a layer imports only what stands under it.

A change here needs its reason. The roots (`errors`, `casing`, `clock`) may be imported by all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "realtime"

NEW_APP = PACKAGE / "cli" / "new_app"
"""What `realtime init` writes: an app, which imports as apps do."""

ROOTS = frozenset({"realtime.errors", "realtime.casing", "realtime.clock"})

ALLOWED: dict[str, tuple[str, ...]] = {
    "values": (),
    "schema": ("realtime.values",),
    "storage": ("realtime.values",),
    "database": (
        "realtime.values",
        "realtime.schema",
        "realtime.storage.persistence",
        "realtime.storage.records",
    ),
    "runtime": (
        "realtime.values",
        "realtime.schema",
        "realtime.database",
        "realtime.storage.persistence",
        "realtime.storage.records",
    ),
    "sync": ("realtime.values",),
    "client": (
        "realtime.values",
        "realtime.sync.messages",  # the other half of what it says and hears
    ),
    "testing": (
        "realtime.values",
        "realtime.schema",
        "realtime.database",
        "realtime.runtime",
        "realtime.storage",
    ),
    "server": (
        "realtime.values",
        "realtime.runtime",
        "realtime.sync",
        "realtime.storage",
        "realtime.codegen.spec",  # the command line of the clients asks a server for it
    ),
    "codegen": ("realtime.values", "realtime.schema", "realtime.runtime"),
    "cli": (
        "realtime.values",
        "realtime.client",
        "realtime.runtime",
        "realtime.server",
        "realtime.storage",
        "realtime.codegen",
    ),
}

ONE_PLACE: dict[str, tuple[str, ...]] = {
    "starlette": ("server/", "mounting.py"),  # the latter is an ASGI application too
    "uvicorn": ("cli/", "server/websocket_protocol.py"),
    "prometheus_client": ("server/metrics.py",),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "watchfiles": ("cli/reload.py",),
    "sqlite3": ("storage/",),
    "hypothesis": ("testing/strategies.py",),
    "pytest": ("pytest_plugin.py",),
    "joserfc": ("server/auth/key_set.py",),
    "httpx": ("server/auth/document_fetcher.py",),
    "websockets": ("client/connector.py", "server/websocket_protocol.py"),
}


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def _modules(folder: str) -> list[Path]:
    modules = (PACKAGE / folder).rglob("*.py")
    return sorted(module for module in modules if NEW_APP not in module.parents)


@pytest.mark.parametrize("layer", ALLOWED)
def test_a_layer_imports_only_what_stands_under_it(layer: str) -> None:
    own = f"realtime.{layer}"

    wrong = [
        f"{file.relative_to(PACKAGE)} imports {name}"
        for file in _modules(layer)
        for name in _imports(file)
        if name.split(".")[0] == "realtime"
        and name not in ROOTS
        and not any(
            name == allowed or name.startswith(f"{allowed}.") for allowed in (own, *ALLOWED[layer])
        )
    ]

    assert wrong == []


def test_each_outside_library_is_used_in_one_place() -> None:
    wrong: list[str] = []
    for file in _modules("."):
        path = file.relative_to(PACKAGE).as_posix()
        for name in _imports(file):
            places = ONE_PLACE.get(name.split(".")[0])
            if places is not None and not path.startswith(places):
                wrong.append(f"{path} imports {name}")

    assert wrong == []


def test_every_module_stays_within_its_size() -> None:
    too_long = {
        file.relative_to(PACKAGE).as_posix(): lines
        for file in _modules(".")
        if (lines := len(file.read_text().splitlines())) > 500
    }

    assert too_long == {}
