"""The chat app, seeded, on a server that tells errors openly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from realtime.values.ids import decode_id, encode_id
from tests.harness.server_process import ServerProcess


def missing_id(existing_id: str) -> str:
    """Return a well formed id of the same table that belongs to no document."""
    return encode_id(decode_id(existing_id).table_number, bytes(16))


@dataclass(frozen=True)
class Chat:
    """A running server and the ids of its demo data."""

    server: ServerProcess
    team_id: str
    repo_id: str
    session_id: str
    message_id: str
    """The assistant's message, which has changes."""
    missing_session_id: str
    """Well formed ids of documents that never existed."""
    missing_message_id: str

    @property
    def program_args(self) -> dict[str, str]:
        """Return what each client program needs to know."""
        return {
            "url": self.server.url,
            "teamId": self.team_id,
            "repoId": self.repo_id,
            "sessionId": self.session_id,
            "messageId": self.message_id,
            "missingSessionId": self.missing_session_id,
            "missingMessageId": self.missing_message_id,
        }


def seeded_chat(server: ServerProcess) -> Chat:
    """Return the chat app of a running server, with its demo data."""
    ids = server.run("seed:demo")
    messages = server.run("messages:list", {"sessionId": ids["sessionId"]})
    changed = next(message for message in messages if "changes" in message)
    return Chat(
        server,
        team_id=ids["teamId"],
        repo_id=ids["repoId"],
        session_id=ids["sessionId"],
        message_id=changed["_id"],
        missing_session_id=missing_id(ids["sessionId"]),
        missing_message_id=missing_id(changed["_id"]),
    )


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    """The chat app with its demo data, shared by the tests of a module."""
    server = ServerProcess(tmp_path_factory.mktemp("chat") / "data", command="dev")
    try:
        yield seeded_chat(server.start())
    finally:
        server.close()
