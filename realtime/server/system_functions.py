"""The server's own queries, through which the `convex` command line looks at an app.

They are internal functions like those of an app, so sockets, HTTP, the cache and invalidation treat
them alike, and the admin key alone reaches them. Their paths begin with `_system/`, which no module
of an app can have.

Source: contract 9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, Final, Literal

import msgspec

from realtime.casing import wire_name
from realtime.codegen.spec import SYSTEM_FOLDER, function_spec
from realtime.runtime.context import QueryCtx
from realtime.runtime.pagination import PaginationOptions, PaginationResult
from realtime.runtime.registration import Query, internal_query
from realtime.runtime.registry import AppFunction, LoadedApp, Registry
from realtime.runtime.signature import compile_signature
from realtime.values.json_encoding import decode_json
from realtime.values.validators import v

_SYSTEM_TABLE: Final = "_"
_END: Final = "end"


def with_system_functions(app: LoadedApp, deployment_url: str) -> LoadedApp:
    """Return the app with the server's own queries; `deployment_url` is what they call it."""
    functions = _functions(app.registry, deployment_url)
    return replace(app, registry=app.registry.with_functions(functions))


def _functions(registry: Registry, deployment_url: str) -> Iterator[AppFunction]:
    for name, registered in _queries(registry, deployment_url).items():
        path = f"{SYSTEM_FOLDER}cli/{name}"
        signature = compile_signature(registered.declaration)
        yield AppFunction(path, "query", True, registered, signature)


def _queries(registry: Registry, deployment_url: str) -> dict[str, Query[..., Any]]:
    @cache  # made when it is first asked for: a start does not wait for it
    def spec() -> Any:
        # Decoded, as a validator may hold a literal that plain JSON has no place for.
        return decode_json(msgspec.json.encode(function_spec(registry)))

    @internal_query(args={wire_name("component_id"): v.optional(v.any())})
    async def api_spec(ctx: QueryCtx, args: dict[str, Any]) -> Any:
        """The function spec of the app."""
        return spec()

    @internal_query
    async def cloud_url(ctx: QueryCtx) -> str:
        """The address at which clients find this server."""
        return deployment_url

    return {
        f"modules:{wire_name('api_spec')}": api_spec,
        f"{wire_name('convex_url')}:{wire_name('cloud_url')}": cloud_url,
        "tables": _tables,
        wire_name("table_data"): _table_data,
    }


@internal_query
async def _tables(
    ctx: QueryCtx, pagination_opts: PaginationOptions
) -> PaginationResult[dict[str, str]]:
    """The names of the app's tables, all on one page."""
    page = [{"name": name} for name in await ctx.db.system.table_names()]
    return PaginationResult(page, is_done=True, continue_cursor=_END)


@internal_query
async def _table_data(
    ctx: QueryCtx, table: str, order: Literal["asc", "desc"], pagination_opts: PaginationOptions
) -> PaginationResult[dict[str, Any]]:
    """The documents of a table, also of a public one of the system, by creation time."""
    reader = ctx.db.system if table.startswith(_SYSTEM_TABLE) else ctx.db
    return await reader.query(table).order(order).paginate(pagination_opts)
