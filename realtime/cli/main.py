"""The command `realtime`.

Each command imports what it needs when it runs, so that `--help` and mistyped commands answer at
once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from realtime.cli.generated_files import CodegenMode

_DEFAULT_PORT = 3210
_DEFAULT_SITE_PORT = 3211
_DEFAULT_URL = f"http://127.0.0.1:{_DEFAULT_PORT}"

app = typer.Typer(
    name="realtime",
    help="The reactive backend for Python.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

AppFolder = Annotated[
    Path, typer.Argument(metavar="APP", help="The folder with schema.py and functions/.")
]
Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes any free one.")
]
SitePort = Annotated[
    int, typer.Option(min=0, max=65535, help="The port reserved for HTTP actions.")
]
DataFolder = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The data directory.  [default: APP/.realtime]"),
]
RedactErrors = Annotated[
    bool,
    typer.Option(
        help="Show clients request ids instead of error texts.", envvar="REALTIME_REDACT_ERRORS"
    ),
]
Events = Annotated[bool, typer.Option("--json", help="Print each event as one line of JSON.")]
RunPath = Annotated[
    str | None,
    typer.Option("--run", metavar="PATH", help="A function to run before serving."),
]

FunctionPath = Annotated[
    str, typer.Argument(metavar="PATH", help="The function, such as messages:list.")
]
Arguments = Annotated[str, typer.Argument(metavar="JSON", help="Its arguments, as a JSON object.")]
Url = Annotated[str, typer.Option(help="The address of the server.")]
AdminKey = Annotated[
    str | None,
    typer.Option(help="The admin key.  [default: REALTIME_ADMIN_KEY, or that in ./.realtime]"),
]
Json = Annotated[bool, typer.Option("--json", help="Print each value as one line of JSON.")]


@app.command()
def dev(
    app_folder: AppFolder = Path("."),
    host: Host = "127.0.0.1",
    port: Port = _DEFAULT_PORT,
    site_port: SitePort = _DEFAULT_SITE_PORT,
    data: DataFolder = None,
    redact_errors: RedactErrors = False,
    run: RunPath = None,
    codegen: Annotated[
        bool | None,
        typer.Option(
            help="Write types for TypeScript to APP/_generated at each change, or no files at all."
            "  [default: those that `realtime codegen` has once written]",
            show_default=False,
        ),
    ] = None,
    json: Events = False,
) -> None:
    """Serve an app for its developer, and follow its files: clients see error texts and logs."""
    mode: CodegenMode = "existing" if codegen is None else "always" if codegen else "never"
    where = _Where(app_folder, host, port, site_port, data)
    _serve(where, redact_errors, run, as_json=json, is_for_developer=True, codegen=mode)


@app.command()
def serve(
    app_folder: AppFolder = Path("."),
    host: Host = "127.0.0.1",
    port: Port = _DEFAULT_PORT,
    site_port: SitePort = _DEFAULT_SITE_PORT,
    data: DataFolder = None,
    redact_errors: RedactErrors = True,
    run: RunPath = None,
    json: Events = False,
) -> None:
    """Serve an app to the world: clients see request ids instead of error texts."""
    _serve(_Where(app_folder, host, port, site_port, data), redact_errors, run, as_json=json)


@app.command()
def run(
    path: FunctionPath,
    arguments: Arguments = "{}",
    url: Url = _DEFAULT_URL,
    admin_key: AdminKey = None,
    json: Json = False,
) -> None:
    """Run a query, mutation or action on a server, also an internal one.

    What it returns is printed as JSON.
    """
    from realtime.cli.run import run_function

    raise typer.Exit(run_function(path, arguments, url, admin_key, as_json=json))


@app.command()
def watch(
    path: FunctionPath,
    arguments: Arguments = "{}",
    url: Url = _DEFAULT_URL,
    admin_key: AdminKey = None,
    json: Json = False,
) -> None:
    """Print what a query returns, now and whenever it changes, until Ctrl-C."""
    from realtime.cli.watch import watch_function

    raise typer.Exit(watch_function(path, arguments, url, admin_key, as_json=json))


@app.command()
def data(
    table: Annotated[
        str | None, typer.Argument(metavar="TABLE", help="A table; without, all are listed.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many documents at most.")] = 100,
    order: Annotated[
        Literal["asc", "desc"], typer.Option(help="By the time at which they were made.")
    ] = "desc",
    url: Url = _DEFAULT_URL,
    admin_key: AdminKey = None,
    json: Json = False,
) -> None:
    """Print the tables of a server, or the documents of one."""
    from realtime.cli.data import show_data

    raise typer.Exit(show_data(table, url, admin_key, limit=limit, order=order, as_json=json))


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder that is new or empty.")
    ] = Path("."),
    react: Annotated[
        bool, typer.Option("--react", help="With a front end in React instead, in frontend/.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> None:
    """Make a new app: a schema, functions and a page."""
    from realtime.cli.init import make_app

    raise typer.Exit(make_app(folder, is_react=react, as_json=json))


@app.command()
def codegen(
    app_folder: AppFolder = Path("."),
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write.  [default: APP/_generated]"),
    ] = None,
    python: Annotated[
        bool,
        typer.Option("--python", help="Write a client for Python instead, `client.py`."),
    ] = False,
    is_async: Annotated[
        bool,
        typer.Option("--async", help="With --python: for asyncio, `async_client.py`."),
    ] = False,
    stubs: Annotated[
        bool,
        typer.Option("--stubs", help="Write stubs for type checkers instead, beside the schema."),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a file is out of date.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the files as JSON.")] = False,
) -> None:
    """Write the types of an app's functions and documents, for front ends and clients."""
    from realtime.cli.codegen import ClientKind, generate, generate_stubs

    if stubs and (python or out is not None):
        raise typer.BadParameter("stubs stand beside the schema: leave out --out and --python")
    if stubs:
        raise typer.Exit(generate_stubs(app_folder, is_check=check, as_json=json))
    if is_async and not python:
        raise typer.BadParameter("--async is for --python: give both")
    kind: ClientKind = "typescript"
    if python:
        kind = "async python" if is_async else "python"
    raise typer.Exit(generate(app_folder, out, is_check=check, kind=kind, as_json=json))


@app.command()
def spec(
    app_folder: AppFolder = Path("."),
    openapi: Annotated[
        bool, typer.Option("--openapi", help="Print an OpenAPI 3.1 document of the HTTP API.")
    ] = False,
    url: Annotated[
        str, typer.Option(help="The address of the server, for the spec.")
    ] = _DEFAULT_URL,
    json: Annotated[bool, typer.Option("--json", help="Print all in one line.")] = False,
) -> None:
    """Print what the functions of an app take and return, as JSON."""
    from realtime.cli.codegen import print_spec

    raise typer.Exit(print_spec(app_folder, url, is_openapi=openapi, as_json=json))


def main() -> None:
    """Run the command line."""
    app()


@dataclass(frozen=True, slots=True)
class _Where:
    """Which app is served at what address."""

    app_folder: Path
    host: str
    port: int
    site_port: int
    """Nothing listens there before there are HTTP actions."""
    data: Path | None


def _serve(
    where: _Where,
    redact_errors: bool,
    run_path: str | None,
    *,
    as_json: bool,
    is_for_developer: bool = False,
    codegen: CodegenMode = "never",
) -> None:
    from realtime.cli.serve import ServeOptions, serve_app
    from realtime.storage.data_directory import DEFAULT_NAME

    data = where.app_folder / DEFAULT_NAME if where.data is None else where.data
    options = ServeOptions(
        app_folder=where.app_folder.resolve(),
        host=where.host,
        port=where.port,
        data_directory=data.resolve(),
        redact_errors=redact_errors,
        run_path=run_path,
        is_for_developer=is_for_developer,
        codegen=codegen,
        as_json=as_json,
    )
    raise typer.Exit(serve_app(options))


if __name__ == "__main__":
    main()
