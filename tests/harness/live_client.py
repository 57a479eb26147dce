"""A live client without a socket: subscribes to queries of a backend and keeps their journals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from realtime.errors import RealtimeError
from realtime.runtime.backend import Backend
from realtime.runtime.outcome import FunctionCall, QueryCall, QueryResult

MAX_TURNS = 5_000


async def turn() -> None:
    """Let the loop turn once."""
    loop = asyncio.get_running_loop()
    turned = loop.create_future()
    loop.call_soon(turned.set_result, None)
    await turned


class JournalKeeper:
    """A client that gives each query the journal of its last run, as a socket does."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._calls: dict[int, FunctionCall] = {}
        self._stale: set[int] = set()
        self._updating: set[int] = set()
        self._is_updating = False
        self.results: dict[int, QueryResult] = {}
        self.journals: dict[int, str | None] = {}
        self.invalidations = 0
        """How often a result was said to be stale."""

    def subscribe(
        self, query_id: int, path: str, args: Mapping[str, Any], journal: str | None = None
    ) -> None:
        """Subscribe to a query, with the journal of an earlier connection."""
        self._calls[query_id] = FunctionCall(path, json.dumps(args).encode())
        self.journals[query_id] = journal
        self._stale.add(query_id)
        self._backend.request_update(self)

    def unsubscribe(self, query_id: int) -> None:
        """Forget a query."""
        del self._calls[query_id], self.journals[query_id]
        self.results.pop(query_id, None)
        self._stale.discard(query_id)
        self._backend.unsubscribe(self, query_id)

    async def settled(self) -> None:
        """Wait until every result is current."""
        for _ in range(MAX_TURNS):
            if not self._stale and not self._is_updating:
                return
            await turn()
        raise AssertionError("the client does not come to rest")

    async def value(self, query_id: int) -> Any:
        """Return the current value of a query."""
        await self.settled()
        result = self.results[query_id]
        assert result.value is not None, result.error
        return json.loads(result.value)

    def begin_update(self) -> dict[int, QueryCall]:
        """Take the stale queries, with their journals."""
        self._updating, self._stale = self._stale, set()
        self._is_updating = True
        return self._with_journals(self._updating)

    def restart_update(self) -> dict[int, QueryCall]:
        """Take what has become stale meanwhile as well."""
        self._updating, self._stale = self._updating | self._stale, set()
        return self._with_journals(self._updating)

    def stale_queries(self) -> list[QueryCall]:
        """Return what the next update would take."""
        return list(self._with_journals(self._stale).values())

    def finish_update(self, timestamp: int, results: Mapping[int, QueryResult]) -> None:
        """Keep results and journals."""
        self._is_updating = False
        for query_id, result in results.items():
            if query_id in self._calls:
                self.results[query_id] = result
                self.journals[query_id] = result.journal

    def query_invalidated(self, query_id: int) -> None:
        """Ask for an update."""
        self.invalidations += 1
        self._stale.add(query_id)
        self._backend.request_update(self)

    def _with_journals(self, wanted: set[int]) -> dict[int, QueryCall]:
        return {
            query_id: QueryCall(self._calls[query_id], self.journals[query_id])
            for query_id in wanted
            if query_id in self._calls
        }

    def fail(self, error: RealtimeError) -> None:
        """Never expected."""
        raise AssertionError(error)
