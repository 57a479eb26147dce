"""The clients of the chat workload."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Mapping
from typing import Any

from recording import Recorder, clock
from sync_client import TIMEOUT_SECONDS, SyncConnection, decode_timestamp, encode_frame

CREATE_SESSION = "sessions:create"
SEND_MESSAGE = "messages:send"
LIST_MESSAGES = "messages:list"
MARK_COMMITTED = "messages:markChangesCommitted"

USER_ID = "bench"
# With it a document is about 200 bytes, and a list of 50 about 10 kB.
_CONTENT = "%08d talk."
_UPDATED = b'"QueryUpdated"'
_SEND = (
    '{"type":"Mutation","requestId":%d,"udfPath":"messages:send",'
    '"args":[{"sessionId":"%s","role":"user","content":"%s"}]}'
)
_MARK = (
    '{"type":"Mutation","requestId":%d,"udfPath":"messages:markChangesCommitted",'
    '"args":[{"messageId":"%s","commitSha":"%s"}]}'
)


async def create_session(connection: SyncConnection, repo_id: str) -> str:
    """Create a chat session and return its id."""
    session_id: str = await connection.call(CREATE_SESSION, {"repoId": repo_id, "userId": USER_ID})
    return session_id


async def create_sessions(connections: list[SyncConnection], repo_id: str, count: int) -> list[str]:
    """Create sessions with a bounded number of calls under way; return their ids."""
    numbers = iter(range(count))

    async def worker(connection: SyncConnection) -> list[str]:
        return [await create_session(connection, repo_id) for _ in numbers]

    workers = [worker(connection) for connection in connections for _ in range(20)]
    return [session_id for made in await asyncio.gather(*workers) for session_id in made]


async def send_messages(connection: SyncConnection, session_id: str, count: int) -> None:
    """Fill a session with `count` messages, pipelined."""
    args = {"sessionId": session_id, "role": "user", "content": _CONTENT % 0}
    while count > 0:
        now = min(count, 100)
        await asyncio.gather(*(connection.call(SEND_MESSAGE, args) for _ in range(now)))
        count -= now


def listed_documents(transition: bytes) -> list[dict[str, Any]]:
    """Return the documents of the first list in a transition."""
    for modification in json.loads(transition)["modifications"]:
        if modification["type"] == "QueryUpdated":
            documents: list[dict[str, Any]] = modification["value"]
            return documents
    return []


class MutationClient(SyncConnection):
    """Sends messages in a closed loop: the next one when the one before is done.

    Without a live list a message is done when it is acknowledged. With one, it is done when a
    transition covers it, which brings the list with the new message; and as the session would
    grow without end, the client goes on in a new one when it holds `2 * mean_list_size` messages.
    Begun at different sizes, lists have `mean_list_size` messages on average.

    Callbacks, not coroutines: a wake-up of a task costs as much as everything else here.
    """

    def __init__(
        self,
        failures: list[str],
        recorder: Recorder,
        *,
        repo_id: str,
        mean_list_size: int,
        pause_seconds: float = 0.0,
    ) -> None:
        super().__init__(failures)
        self._recorder = recorder
        self._repo_id = repo_id
        self._size_limit = 2 * mean_list_size if mean_list_size else 0
        self._pause_seconds = pause_seconds
        self._session_id = ""
        self._size = 0
        self._list_query_id: int | None = None
        self._numbers = itertools.count()
        self._request_id = -1
        self._sent_at = 0.0
        self._wanted_timestamp: int | None = None
        self._last_transition = b""
        self._is_stopping = False
        self._stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rotation: asyncio.Task[None] | None = None

    async def prepare(self, port: int, first_size: int) -> None:
        """Connect, make the first session and, with a live list, fill it and subscribe."""
        await self.open(port)
        self._session_id = await create_session(self, self._repo_id)
        if self._size_limit:
            await send_messages(self, self._session_id, first_size)
            self._size = first_size
            await self._subscribe()

    def begin(self) -> None:
        """Start the loop."""
        self._send_next()

    async def stop(self) -> None:
        """End the loop after the message under way; check that the list is what was sent."""
        self._is_stopping = True
        await asyncio.wait_for(self._stopped, TIMEOUT_SECONDS)
        if self._size_limit and self._last_transition:
            listed = len(listed_documents(self._last_transition))
            if listed != self._size:
                self.failures.append(f"A list has {listed} messages, {self._size} were sent")

    async def _subscribe(self) -> None:
        removed = () if self._list_query_id is None else (self._list_query_id,)
        arguments = {"sessionId": self._session_id}
        version, (self._list_query_id,) = self.modify_query_set(
            add=[(LIST_MESSAGES, arguments)], remove=removed
        )
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._subscribing[version] = future
        await asyncio.wait_for(future, TIMEOUT_SECONDS)

    def _send_next(self) -> None:
        self._request_id = next(self.request_ids)
        text = _SEND % (self._request_id, self._session_id, _CONTENT % next(self._numbers))
        self._wanted_timestamp = None
        self._sent_at = clock()
        self.send_frame(encode_frame(text.encode()))

    def response_received(self, message: Mapping[str, Any]) -> None:
        """Take an acknowledgement; without a live list the message is done."""
        if message["requestId"] != self._request_id:
            super().response_received(message)
            return
        recorder = self._recorder
        if recorder.is_recording:
            recorder.acknowledgements.append(clock() - self._sent_at)
        if not message["success"]:
            self.failures.append(f"A mutation failed: {message['result']}")
            self._finish()
        elif self._size_limit:
            self._size += 1
            self._wanted_timestamp = decode_timestamp(message["ts"])
        else:
            self._finish_operation()

    def transition_received(self, payload: bytes) -> None:
        """Take a transition; the message is done if it is covered."""
        wanted = self._wanted_timestamp
        if wanted is None or self.timestamp < wanted:
            return
        self._wanted_timestamp = None
        recorder = self._recorder
        if recorder.is_recording:
            recorder.pushes.append(clock() - self._sent_at)
        if _UPDATED not in payload:
            self.failures.append("A transition covers a message and lacks the list")
        self._last_transition = payload
        self._finish_operation()

    def _finish_operation(self) -> None:
        if self._recorder.is_recording:
            self._recorder.operations += 1
        if self._is_stopping:
            self._finish()
        elif self._size_limit and self._size >= self._size_limit:
            self._request_id = -1
            self._rotation = asyncio.ensure_future(self._rotate())
        elif self._pause_seconds:
            pause = self._sent_at + self._pause_seconds - clock()
            asyncio.get_running_loop().call_later(max(0.0, pause), self._send_next)
        else:
            self._send_next()

    def _finish(self) -> None:
        if not self._stopped.done():
            self._stopped.set_result(None)

    async def _rotate(self) -> None:
        try:
            self._session_id = await create_session(self, self._repo_id)
            self._size = 0
            await self._subscribe()
        except Exception as error:  # the top of a task: the load reports it and ends
            self.failures.append(f"A client could not change its session: {error!r}")
            self._finish()
        else:
            self._last_transition = b""
            self._send_next()


class SharedList:
    """The one list that many subscribers watch: the demo session, with a message to change.

    Marking the assistant's changes as committed changes the list without making it longer: every
    push has the same size.
    """

    def __init__(self, failures: list[str], recorder: Recorder) -> None:
        self.failures = failures
        self.recorder = recorder
        self.message_id = ""
        self.mark = b""
        self.arrivals: list[float] = []
        self.push_count = 0
        self.push_bytes = 0
        self._waiting = 0
        self._all_arrived: asyncio.Future[None] | None = None

    def expect(self, mark: bytes, arrivals: int) -> asyncio.Future[None]:
        """Return a future that is done when `arrivals` subscribers have the state `mark`."""
        self.mark = mark
        self.arrivals = []
        self._waiting = arrivals
        self._all_arrived = asyncio.get_running_loop().create_future()
        return self._all_arrived

    def arrived(self, size_bytes: int) -> None:
        """Count one push of the state that is expected."""
        self.arrivals.append(clock())
        self.count_push(size_bytes)
        self._waiting -= 1
        if self._waiting == 0 and self._all_arrived is not None:
            self._all_arrived.set_result(None)

    def count_push(self, size_bytes: int) -> None:
        """Count one push."""
        if self.recorder.is_recording:
            self.push_count += 1
            self.push_bytes += size_bytes


class Subscriber(SyncConnection):
    """Watches the shared list; sees whether a push has the expected state, and no more."""

    def __init__(self, shared: SharedList) -> None:
        super().__init__(shared.failures)
        self._shared = shared
        self._mark = b""
        self._is_live = False

    def begin(self) -> None:
        """From here on frames are searched, not parsed."""
        self._is_live = True

    def frame_received(self, data: bytes | bytearray, start: int, end: int) -> None:
        """Look for the expected state in a push."""
        if not self._is_live:
            super().frame_received(data, start, end)
            return
        shared = self._shared
        mark = shared.mark
        if data.find(mark, start, end) < 0:
            return
        if mark is self._mark:
            self.failures.append("A state was pushed twice to one subscriber")
        self._mark = mark
        shared.arrived(end - start)


class CountingSubscriber(SyncConnection):
    """Counts the pushes of the shared list, whatever state they have."""

    def __init__(self, shared: SharedList) -> None:
        super().__init__(shared.failures)
        self._shared = shared
        self._is_live = False

    def begin(self) -> None:
        """From here on frames are searched, not parsed."""
        self._is_live = True

    def frame_received(self, data: bytes | bytearray, start: int, end: int) -> None:
        """Count a push."""
        if not self._is_live:
            super().frame_received(data, start, end)
        elif data.find(_UPDATED, start, end) >= 0:
            self._shared.count_push(end - start)


class UnaffectedClient(SyncConnection):
    """Subscribes to lists that nobody writes to; every push to it is a failure."""

    def __init__(self, failures: list[str]) -> None:
        super().__init__(failures)
        self._is_settled = False

    def begin(self) -> None:
        """From here on nothing may arrive but pings."""
        self._is_settled = True

    def transition_received(self, payload: bytes) -> None:
        """A push after the first results is one too many."""
        if self._is_settled and _UPDATED in payload:
            self.failures.append("A list was pushed that nobody wrote to")


class Marker(SyncConnection):
    """Changes the shared list."""

    def __init__(self, shared: SharedList) -> None:
        super().__init__(shared.failures)
        self._shared = shared
        self._numbers = itertools.count(time.time_ns())

    def next_mark(self) -> bytes:
        """Return a state that the list never had: a commit hash."""
        return b"%040x" % next(self._numbers)

    def change(self, mark: bytes) -> asyncio.Future[None]:
        """Write one state; the future is done when it is acknowledged."""
        request_id = next(self.request_ids)
        future = self._calls[request_id] = asyncio.get_running_loop().create_future()
        text = _MARK % (request_id, self._shared.message_id, mark.decode())
        self.send_frame(encode_frame(text.encode()))
        return future
