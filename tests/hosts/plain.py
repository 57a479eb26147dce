"""An app by itself, for `uvicorn tests.hosts.plain:app`."""

from __future__ import annotations

import os
from pathlib import Path

from realtime import Realtime

app = Realtime(
    Path(__file__).parents[2], data=os.environ["HOST_DATA"], redact_errors=False, web=False
)
