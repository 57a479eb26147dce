"""An app under a path of a FastAPI program, which calls its functions too."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from realtime import Realtime

realtime = Realtime(Path(__file__).parents[2], data=os.environ["HOST_DATA"], redact_errors=False)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    async with realtime:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/count")
async def count_messages(session_id: str) -> int:
    return len(await realtime.query("messages:list", {"sessionId": session_id}))


@app.post("/send")
async def send_message(session_id: str, content: str) -> str:
    args = {"sessionId": session_id, "role": "user", "content": content}
    return str(await realtime.mutation("messages:send", args))


app.mount("/convex", realtime)
