"""Gets tokens when a session wants them, and tells who waits whether they were accepted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final, TypeAlias

from realtime.client.authentication import AdminKey, UserToken
from realtime.client.session import (
    ClientSession,
    FreshTokenWanted,
    IdentityConfirmed,
    IdentityLost,
)
from realtime.clock import Clock
from realtime.errors import AuthenticationError

TokenFetcher: TypeAlias = Callable[[bool], Awaitable[str | None]]
"""Gives a token, or None if nobody is signed in.

Called with False for one that may come from a cache, with True for a fresh one.
"""
Auth: TypeAlias = str | AdminKey | TokenFetcher | None
"""A fixed token, the admin key, a fetcher of tokens, or None for nobody."""

_NS_PER_SECOND: Final = 1_000_000_000

_log: Final = logging.getLogger("realtime.client")


class TokenKeeper:
    """Keeps a session signed in; has one task at most, which fetches or waits until it has to."""

    def __init__(self, session: ClientSession, clock: Clock, wake: Callable[[], None]) -> None:
        self._session = session
        self._clock = clock
        self._wake = wake
        self._fetcher: TokenFetcher | None = None
        self._task: asyncio.Task[None] | None = None
        self._answer: asyncio.Future[None] | None = None

    def begin(self, auth: Auth) -> asyncio.Future[None]:
        """Sign in, or out; return what ends when the server has accepted or refused it."""
        self.stop(AuthenticationError("Another sign-in has taken the place of this one"))
        answer = self._answer = asyncio.get_running_loop().create_future()
        self._fetcher = None
        if auth is None:
            self._session.authenticate(None)
            self._end(None)
        elif isinstance(auth, str):
            self._session.authenticate(UserToken(auth))
        elif isinstance(auth, AdminKey):
            self._session.authenticate(auth)
        else:
            self._fetcher = auth
            self._session.await_token()
            self._start(self._fetch_awaited(auth, is_fresh=False))
        self._wake()
        return answer

    def receive(self, event: IdentityConfirmed | FreshTokenWanted | IdentityLost) -> None:
        """Do what a session wants."""
        fetcher = self._fetcher
        match event:
            case IdentityConfirmed():
                self._end(None)
                if event.refresh_in_seconds is not None and fetcher is not None:
                    self._start(self._refresh(fetcher, event.refresh_in_seconds))
            case FreshTokenWanted():
                assert fetcher is not None
                self._start(self._fetch_awaited(fetcher, is_fresh=True))
            case IdentityLost():
                self._lose(AuthenticationError(event.reason))

    def stop(self, reason: Exception) -> None:
        """Fetch no more; who still waits for an answer gets the reason."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._end(reason)

    async def _fetch_awaited(self, fetcher: TokenFetcher, *, is_fresh: bool) -> None:
        """Fetch the token that the session waits for; without one it is nobody."""
        try:
            token = await fetcher(is_fresh)
        except Exception as error:  # it is the program's; whoever waits for it learns of it
            self._session.authenticate(None)
            refusal = AuthenticationError(f"The fetcher of tokens failed: {error!r}")
            refusal.__cause__ = error
            self._lose(refusal)
        else:
            self._give(token, is_fresh=is_fresh)
            if token is None:
                self._end(None)
        self._wake()

    async def _refresh(self, fetcher: TokenFetcher, delay_seconds: float) -> None:
        """Fetch a fresh token before the present one ends, which stays in place without one."""
        await self._clock.sleep(delay_seconds)
        try:
            token = await fetcher(True)
        except Exception:  # as above; the server says when the present one has ended
            _log.exception("The fetcher of tokens failed; the present token is used to its end")
        else:
            self._give(token, is_fresh=True)
            self._wake()

    def _give(self, token: str | None, *, is_fresh: bool) -> None:
        now_seconds = self._clock.now_ns() / _NS_PER_SECOND
        self._session.receive_token(token, is_fresh=is_fresh, now_seconds=now_seconds)

    def _lose(self, reason: AuthenticationError) -> None:
        if self._answer is None:
            _log.warning("Not signed in any more: %s", reason)
        self._end(reason)

    def _end(self, failure: Exception | None) -> None:
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            return
        if failure is None:
            answer.set_result(None)
        else:
            answer.set_exception(failure)

    def _start(self, step: Coroutine[None, None, None]) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(step)
