"""The reactive backend for Python.

`schema.py` declares documents, `functions/` holds queries, mutations and actions; everything they
need is exported here. Running an app is the business of the command line (`realtime dev`,
`realtime serve`), or of `Realtime` inside of another program.

Each name is imported where it is first asked for: this package is imported on the way to every
module in it, so that otherwise `realtime --help` would wait for the engine, and functions for the
server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime.errors import (
        ApplicationError,
        ConflictError,
        ConvexError,
        DefinitionError,
        InvalidCursorError,
        LimitError,
        NotFoundError,
        OverloadedError,
        RealtimeError,
        ValidationError,
    )
    from realtime.mounting import Realtime
    from realtime.runtime.auth_config import CustomJwt, Oidc
    from realtime.runtime.context import ActionCtx, MutationCtx, QueryCtx
    from realtime.runtime.operation import gather
    from realtime.runtime.pagination import PaginationOptions, PaginationResult
    from realtime.runtime.registration import (
        action,
        internal_action,
        internal_mutation,
        internal_query,
        mutation,
        query,
    )
    from realtime.runtime.table_query import TableQuery
    from realtime.runtime.user_identity import UserIdentity
    from realtime.schema.document import Document
    from realtime.schema.index import Bound, Index, gt, gte, lt, lte
    from realtime.schema.system_documents import ScheduledFunction, StoredFile
    from realtime.schema.table import Table
    from realtime.values.annotation_parts import Name
    from realtime.values.id_type import Id
    from realtime.values.struct import Struct, field
    from realtime.values.validators import v
    from realtime.values.value import UNSET, Int64, Unset

__all__ = [
    "UNSET",
    "ActionCtx",
    "ApplicationError",
    "Bound",
    "ConflictError",
    "ConvexError",
    "CustomJwt",
    "DefinitionError",
    "Document",
    "Id",
    "Index",
    "Int64",
    "InvalidCursorError",
    "LimitError",
    "MutationCtx",
    "Name",
    "NotFoundError",
    "Oidc",
    "OverloadedError",
    "PaginationOptions",
    "PaginationResult",
    "QueryCtx",
    "Realtime",
    "RealtimeError",
    "ScheduledFunction",
    "StoredFile",
    "Struct",
    "Table",
    "TableQuery",
    "Unset",
    "UserIdentity",
    "ValidationError",
    "action",
    "field",
    "gather",
    "gt",
    "gte",
    "internal_action",
    "internal_mutation",
    "internal_query",
    "lt",
    "lte",
    "mutation",
    "query",
    "v",
]


_MODULES = {
    "ApplicationError": "realtime.errors",
    "ConflictError": "realtime.errors",
    "ConvexError": "realtime.errors",
    "DefinitionError": "realtime.errors",
    "InvalidCursorError": "realtime.errors",
    "LimitError": "realtime.errors",
    "NotFoundError": "realtime.errors",
    "OverloadedError": "realtime.errors",
    "RealtimeError": "realtime.errors",
    "ValidationError": "realtime.errors",
    "Realtime": "realtime.mounting",
    "CustomJwt": "realtime.runtime.auth_config",
    "Oidc": "realtime.runtime.auth_config",
    "ActionCtx": "realtime.runtime.context",
    "MutationCtx": "realtime.runtime.context",
    "QueryCtx": "realtime.runtime.context",
    "gather": "realtime.runtime.operation",
    "PaginationOptions": "realtime.runtime.pagination",
    "PaginationResult": "realtime.runtime.pagination",
    "action": "realtime.runtime.registration",
    "internal_action": "realtime.runtime.registration",
    "internal_mutation": "realtime.runtime.registration",
    "internal_query": "realtime.runtime.registration",
    "mutation": "realtime.runtime.registration",
    "query": "realtime.runtime.registration",
    "TableQuery": "realtime.runtime.table_query",
    "UserIdentity": "realtime.runtime.user_identity",
    "Document": "realtime.schema.document",
    "Bound": "realtime.schema.index",
    "Index": "realtime.schema.index",
    "gt": "realtime.schema.index",
    "gte": "realtime.schema.index",
    "lt": "realtime.schema.index",
    "lte": "realtime.schema.index",
    "ScheduledFunction": "realtime.schema.system_documents",
    "StoredFile": "realtime.schema.system_documents",
    "Table": "realtime.schema.table",
    "Name": "realtime.values.annotation_parts",
    "Id": "realtime.values.id_type",
    "Struct": "realtime.values.struct",
    "field": "realtime.values.struct",
    "v": "realtime.values.validators",
    "UNSET": "realtime.values.value",
    "Int64": "realtime.values.value",
    "Unset": "realtime.values.value",
}
"""The module of each name, as type checkers see it in the imports above."""

if not TYPE_CHECKING:  # to a type checker, a module with this function has every name

    def __getattr__(name: str) -> object:
        """Import a public name, once."""
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module `realtime` has no attribute `{name}`", name=name)
        found = globals()[name] = getattr(import_module(module), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
