"""The reactive backend for Python.

`schema.py` declares documents, `functions/` holds queries, mutations and actions; everything they
need is exported here. Running an app is the business of the command line (`realtime dev`,
`realtime serve`), or of `Realtime` inside of another program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from realtime.schema.index import Index, gt, gte, lt, lte
from realtime.schema.system_documents import ScheduledFunction, StoredFile
from realtime.schema.table import Table
from realtime.values.annotation_parts import Name
from realtime.values.id_type import Id
from realtime.values.struct import Struct, field
from realtime.values.validators import v
from realtime.values.value import UNSET, Int64, Unset

if TYPE_CHECKING:
    from realtime.mounting import Realtime

__all__ = [
    "UNSET",
    "ActionCtx",
    "ApplicationError",
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


def __getattr__(name: str) -> Any:
    """Import `Realtime` where it is asked for: functions have no use for a server."""
    if name == "Realtime":
        from realtime.mounting import Realtime

        return Realtime
    raise AttributeError(f"module `realtime` has no attribute `{name}`", name=name)
