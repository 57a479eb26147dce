"""Which result each live client has of each of its queries, and is told about when it gets stale.

An entry of the query cache stays as long as somebody watches it. An update watches what it finds
at once, so that the cache can't drop it while the other queries run. In the end the client either
keeps it (`keep`) or it is let go (`let_go`): nothing stays watched for nobody.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from realtime.runtime.client_calls import tell_stale
from realtime.runtime.outcome import LiveClient
from realtime.runtime.query_cache import CacheEntry, QueryCache

FoundEntries = dict[int, CacheEntry | None]
"""Entries of the cache by query id; None if the result can't change."""


class WatchedResults:
    """The newest result that each client was given of each query that it is subscribed to."""

    def __init__(self, cache: QueryCache) -> None:
        self._cache = cache
        self._by_client: dict[LiveClient, FoundEntries] = {}

    def __iter__(self) -> Iterator[LiveClient]:
        """Return the clients that have had an update."""
        return iter(self._by_client)

    @property
    def count(self) -> int:
        """Return how many queries all clients are subscribed to."""
        return sum(len(queries) for queries in self._by_client.values())

    def keep(
        self,
        client: LiveClient,
        found: FoundEntries,
        removed: Container[int],
        *,
        is_older_code: bool,
    ) -> list[int]:
        """Give a client what an update has found, but for the queries that it has removed.

        Returns:
            The queries whose results are stale already: all if older code has made them.
        """
        watched = self._by_client.setdefault(client, {})
        stale: list[int] = []
        for query_id, entry in found.items():
            if query_id in removed:
                continue
            previous = watched.get(query_id)
            watched[query_id] = entry
            if previous is not None and previous is not entry:
                self._cache.unwatch(previous, client, query_id)
            if is_older_code or (entry is not None and entry.invalidated_at is not None):
                stale.append(query_id)
        return stale

    def let_go(self, client: LiveClient, found: FoundEntries) -> None:
        """Stop watching what an update has found and the client does not keep; empties `found`."""
        watched = self._by_client.get(client, {})
        for query_id, entry in found.items():
            if entry is not None and watched.get(query_id) is not entry:
                self._cache.unwatch(entry, client, query_id)
        found.clear()

    def forget_query(self, client: LiveClient, query_id: int) -> None:
        """Forget one query of a client."""
        entry = self._by_client.get(client, {}).pop(query_id, None)
        if entry is not None:
            self._cache.unwatch(entry, client, query_id)

    def forget_client(self, client: LiveClient) -> None:
        """Forget all queries of a client."""
        for query_id, entry in self._by_client.pop(client, {}).items():
            if entry is not None:
                self._cache.unwatch(entry, client, query_id)

    def announce_stale(self) -> None:
        """Tell the clients whose results the last commit has made stale."""
        for entry in self._cache.take_stale():
            for client, query_id in list(entry.watchers):
                tell_stale(client, query_id)

    def announce_constant(self) -> None:
        """Tell the clients whose results can't change that they have changed: by other code."""
        for client, queries in list(self._by_client.items()):
            for query_id in [query_id for query_id, entry in queries.items() if entry is None]:
                tell_stale(client, query_id)
