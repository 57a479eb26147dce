"""The official PyPI `ConvexClient` under load, while its server is killed and started again.

The client holds the interpreter's lock while it waits for a live result, so the list is read only
after the sending: a subscription opened before the kills must still lead to the newest list.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from queue import SimpleQueue
from threading import Thread

from convex import ConvexClient, QuerySubscription

REST_SECONDS = 0.002
"""After each message, so that the load need not be large and the test is heard."""


def main(ids: Mapping[str, str]) -> None:
    """Send what the test asks for, report each acknowledgement, at last the live list."""
    client = ConvexClient(ids["url"])
    session = {"sessionId": ids["sessionId"]}
    live = client.subscribe("messages:list", session)
    tell({"ready": True})
    commands: SimpleQueue[str] = SimpleQueue()
    Thread(target=read_commands, args=(commands,), daemon=True).start()
    total = 0
    while commands.get() == "send":
        while commands.empty():
            content = f"{ids['name']} {total}"
            send(client, {**session, "role": "user", "content": content})
            tell({"acknowledged": content, "atMs": time.time() * 1000})
            total += 1
            time.sleep(REST_SECONDS)
        assert commands.get() == "pause"
        tell({"sent": total})
    tell({"listed": follow_until(live, f"{ids['name']} {total - 1}")})


def read_commands(commands: SimpleQueue[str]) -> None:
    """Pass on what the test says, until it has said that it is the end."""
    for line in sys.stdin:
        commands.put(json.loads(line)["action"])


def send(client: ConvexClient, message: Mapping[str, str]) -> None:
    """Send a message, again if the client gave up on it.

    A call that meets the very moment at which the socket breaks fails with "channel closed": the
    client sends the mutation later all the same, but has lost whom to tell.
    """
    while True:
        try:
            client.mutation("messages:send", dict(message))
            return
        except Exception as error:
            if str(error) != "channel closed":
                raise


def follow_until(live: QuerySubscription, content: str) -> list[str]:
    """Return the contents of the first live list that has this one."""
    while content not in (listed := [message["content"] for message in next(live)]):
        pass
    return listed


def tell(message: object) -> None:
    """Print one JSON line for the test."""
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
