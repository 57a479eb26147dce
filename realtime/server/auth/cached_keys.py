"""The keys of one provider, fetched when they are needed and kept for a while.

    age of the keys        what a token gets
    ---------------------  -----------------------------------------------------------------
    under five minutes     these keys
    under an hour          these keys; they are fetched anew meanwhile
    an hour, or no keys    it waits for the fetch

So an hour after a provider has withdrawn a key no token of it is accepted, whatever happens, and a
provider that cannot be reached for less than that is not noticed.

A key id that is not among the keys may be a new one: the keys are fetched anew, but for unknown ids
at most every ten seconds, so that made-up ids cost a provider nothing. One fetch is in flight at a
time, however many tokens wait for it. After a fetch that failed the next one is begun a second
later at the earliest; who asks in between gets the failure of the last.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from realtime.clock import Clock
from realtime.errors import RealtimeError
from realtime.server.auth.key_set import KeySet
from realtime.server.auth.rejections import unreachable_provider

_log = logging.getLogger("realtime.auth")

FRESH_SECONDS: Final = 300.0
USABLE_SECONDS: Final = 3600.0
UNKNOWN_ID_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 1.0


class KeySource(Protocol):
    """Where the keys of a provider are."""

    async def keys_with(self, kid: str | None) -> KeySet:
        """Return the provider's keys, among them the one with this id if there is one.

        Raises:
            UnavailableError: They can't be had now.
            AuthenticationError: There are none.
        """
        ...

    async def close(self) -> None:
        """Give a fetch up that is in flight."""
        ...


class FixedKeys:
    """Keys that the app's configuration holds."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    async def keys_with(self, kid: str | None) -> KeySet:
        """Return the keys."""
        del kid
        return self._keys

    async def close(self) -> None:
        """Do nothing."""


class CachedKeys:
    """Keys that are fetched."""

    def __init__(self, load: Callable[[], Awaitable[KeySet]], clock: Clock) -> None:
        """`load` fetches the keys; it is never called twice at a time."""
        self._load = load
        self._clock = clock
        self._keys: KeySet | None = None
        self._loaded_at = 0.0
        self._failure: RealtimeError | None = None
        self._failed_at = 0.0
        self._unknown_id_at = float("-inf")
        """When an unknown id last made us fetch."""
        self._flight: asyncio.Task[KeySet] | None = None

    async def keys_with(self, kid: str | None) -> KeySet:
        """Return the keys by the table above; errors as `KeySource.keys_with`."""
        now = self._clock.monotonic_seconds()
        age = now - self._loaded_at
        keys = self._keys
        if keys is None or age >= USABLE_SECONDS:
            return await self._fetched(now)
        if keys.has(kid):
            if age >= FRESH_SECONDS and not self._has_just_failed(now):
                self._start()
            return keys
        has_just_looked = now - self._unknown_id_at < UNKNOWN_ID_SECONDS
        if has_just_looked and self._flight is None and self._failure is None:
            return keys
        self._unknown_id_at = now
        return await self._fetched(now)

    async def close(self) -> None:
        """Give a fetch up that is in flight."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.gather(self._flight, return_exceptions=True)

    async def _fetched(self, now: float) -> KeySet:
        if self._flight is None and self._has_just_failed(now):
            assert self._failure is not None
            raise self._failure.with_traceback(None)
        flight = self._start()
        try:
            return await asyncio.shield(flight)  # the others wait for the same fetch
        except asyncio.CancelledError:
            if flight.cancelled():
                raise unreachable_provider() from None
            raise

    def _has_just_failed(self, now: float) -> bool:
        return self._failure is not None and now - self._failed_at < RETRY_SECONDS

    def _start(self) -> asyncio.Task[KeySet]:
        if self._flight is None:
            self._flight = asyncio.get_running_loop().create_task(self._fetch(), name="auth keys")
            self._flight.add_done_callback(_retrieve)
        return self._flight

    async def _fetch(self) -> KeySet:
        try:
            keys = await self._load()
        except RealtimeError as error:
            self._failure, self._failed_at = error, self._clock.monotonic_seconds()
            raise
        finally:
            self._flight = None
        self._keys, self._loaded_at = keys, self._clock.monotonic_seconds()
        self._failure = None
        return keys


def _retrieve(flight: asyncio.Task[KeySet]) -> None:
    """Look at the outcome, so that a failure for which nobody waits is no unseen exception."""
    if flight.cancelled() or isinstance(error := flight.exception(), RealtimeError | None):
        return
    _log.error("Fetching the keys of an auth provider failed", exc_info=error)
