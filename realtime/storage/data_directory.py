"""The directory that holds everything an app has stored, and who may use it.

One server at a time: a second one would write behind the first one's back. The owner holds a lock
on a file of its own, which the operating system gives back however the process ends; the file
itself stays and says nothing. What is in the directory is private to its owner.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from realtime.errors import UnavailableError

DEFAULT_NAME: Final = ".realtime"

_DATABASE: Final = "data.sqlite"
_LOCK: Final = "lock"
_PRIVATE_UMASK: Final = 0o077


class DataDirectory:
    """A data directory that this process owns until it closes it."""

    def __init__(self, path: Path, lock_descriptor: int) -> None:
        self.path = path
        self._lock_descriptor = lock_descriptor

    @classmethod
    def open(cls, path: Path, *, option: str = "--data", is_own_process: bool = True) -> Self:
        """Make the directory if there is none, and become its owner.

        Args:
            path: The directory.
            option: How the user names another one, for the error texts.
            is_own_process: Whether all files that this process makes from now on are to be
                readable by its user alone; a host would not expect that of its own.

        Raises:
            UnavailableError: Another server owns it, or it can't be made or used.
        """
        if is_own_process:
            os.umask(_PRIVATE_UMASK)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(path, _take_lock(path / _LOCK, option))
        except OSError as error:
            raise UnavailableError(
                f"Cannot use the data directory `{path}`: {error.strerror}. "
                f"Name another one with `{option}`"
            ) from error

    @property
    def database_path(self) -> Path:
        """Return the path of the SQLite file."""
        return self.path / _DATABASE

    def close(self) -> None:
        """Give the directory up; idempotent."""
        if self._lock_descriptor >= 0:
            os.close(self._lock_descriptor)
            self._lock_descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _take_lock(path: Path, option: str) -> int:
    """Return the descriptor of the lock file, which now names this process as its owner.

    Raises:
        UnavailableError: Another process holds the lock.
        OSError: The file can't be made or written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    except BlockingIOError as error:
        owner = os.read(descriptor, 20).decode(errors="replace").strip()
        os.close(descriptor)
        raise UnavailableError(
            f"The data directory `{path.parent}` is in use by another server"
            f"{f' (process {owner})' if owner else ''}. "
            "One process at a time serves a directory: stop that server (or run one worker only), "
            f"or start this one with another directory: `{option} DIR`"
        ) from error
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
