"""`realtime.client` under load, while its server is killed and started again."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from threading import Thread

from realtime.client import Client

REST_SECONDS = 0.002
"""After each message, so that the load need not be large and the test is heard."""


async def main(ids: Mapping[str, str]) -> None:
    """Send what the test asks for, report each acknowledgement, at last the live list."""
    async with Client(ids["url"]) as client:
        session = {"sessionId": ids["sessionId"]}
        async with client.watch("messages:list", session) as live:
            await anext(live)
            connections = asyncio.create_task(count_connections(client))
            tell({"ready": True})
            commands: asyncio.Queue[str] = asyncio.Queue()
            arguments = (asyncio.get_running_loop(), commands)
            Thread(target=read_commands, args=arguments, daemon=True).start()
            total = 0
            while await commands.get() == "send":
                while commands.empty():
                    content = f"{ids['name']} {total}"
                    message = {**session, "role": "user", "content": content}
                    await client.mutation("messages:send", message)
                    tell({"acknowledged": content, "atMs": time.time() * 1000})
                    total += 1
                    await asyncio.sleep(REST_SECONDS)
                assert await commands.get() == "pause"
                tell({"sent": total})
            # No newer result can come: each acknowledged message is in the present one.
            listed = [message["content"] for message in await anext(live)]
            connections.cancel()
            tell({"listed": listed, "connectionCount": await connections})


async def count_connections(client: Client) -> int:
    """Count the connections until this is cancelled."""
    count = 0
    try:
        async for status in client.statuses():
            count += status.connection == "connected"
    except asyncio.CancelledError:
        pass
    return count


def read_commands(loop: asyncio.AbstractEventLoop, commands: asyncio.Queue[str]) -> None:
    """Pass on what the test says, until it has said that it is the end."""
    for line in sys.stdin:
        loop.call_soon_threadsafe(commands.put_nowait, json.loads(line)["action"])


def tell(message: object) -> None:
    """Print one JSON line for the test."""
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
