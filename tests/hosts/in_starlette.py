"""An app under a path of a Starlette program."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from realtime import Realtime

realtime = Realtime(Path(__file__).parents[2], data=os.environ["HOST_DATA"], redact_errors=False)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncGenerator[None]:
    async with realtime:
        yield


app = Starlette(routes=[Mount("/convex", realtime)], lifespan=lifespan)
forgetful_app = Starlette(routes=[Mount("/convex", realtime)])
