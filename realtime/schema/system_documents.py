"""The documents of the system that apps may read, as classes.

Source: contract 8.1 (scheduled functions), 8.3 (files).
"""

from __future__ import annotations

from typing import Any, Final, Literal

from realtime.schema.document import Document
from realtime.values.struct import Struct
from realtime.values.value import UNSET, Unset


class JobState(Struct):
    """How far a scheduled function has come; `error` tells why it failed."""

    kind: Literal["pending", "inProgress", "success", "failed", "canceled"]
    error: str | Unset = UNSET


class ScheduledFunction(Document, table="_scheduled_functions"):
    """A function that was scheduled; times in milliseconds since the Unix epoch.

    `args` holds the one object of arguments, in wire names; `completed_time` is there when it has
    run or was canceled.
    """

    name: str
    args: list[Any]
    scheduled_time: float
    completed_time: float | Unset = UNSET
    state: JobState


class StoredFile(Document, table="_storage"):
    """What is known of a stored file: the SHA-256 of its content in base64, its size in bytes."""

    sha256: str
    size: float
    content_type: str | Unset = UNSET


SYSTEM_DOCUMENTS: Final[frozenset[Any]] = frozenset({ScheduledFunction, StoredFile})
