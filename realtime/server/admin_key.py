"""The admin key of a deployment (contract 7.5).

The key has the form `name|secret`; the name is that of the deployment. It comes from the
environment variable `REALTIME_ADMIN_KEY`, or is made at the first start and kept in the data
directory, readable by its owner alone.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from realtime.clock import Clock
from realtime.errors import AuthenticationError, DefinitionError, UnavailableError

ENVIRONMENT_VARIABLE: Final = "REALTIME_ADMIN_KEY"
FILE_NAME: Final = "admin_key"

_SECRET_BYTES: Final = 32
_NAME: Final = re.compile(r"[^a-z0-9]+")
_FORM: Final = re.compile(r"[^|\s]+\|[^|\s]+")


@dataclass(frozen=True, slots=True)
class AdminKey:
    """The key of a deployment."""

    name: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """Return the key as clients send it."""
        return f"{self.name}|{self.secret}"

    def matches(self, text: str) -> bool:
        """Return whether `text` is this key; the time it takes tells nothing about the key."""
        return hmac.compare_digest(self.text.encode(), text.encode(errors="replace"))


def bad_admin_key(name: str) -> AuthenticationError:
    """Return the error of a call that needs the admin key and came with none or another."""
    return AuthenticationError(
        f"The provided deploy key was invalid for deployment '{name}'. Use the key of this "
        f"deployment: it is in `{FILE_NAME}` in the server's data directory, or in "
        f"{ENVIRONMENT_VARIABLE}",
        code="BadDeployKey",
    )


def load_admin_key(
    environment: Mapping[str, str], data_directory: Path, default_name: str, clock: Clock
) -> AdminKey:
    """Return the admin key of a deployment; the first call makes one.

    To be called by the owner of the data directory.

    Raises:
        DefinitionError: The key in the environment or the file has not the form `name|secret`.
        UnavailableError: The file can't be read or made.
    """
    given = environment.get(ENVIRONMENT_VARIABLE)
    if given is not None:
        return parse_admin_key(given, ENVIRONMENT_VARIABLE)
    file = data_directory / FILE_NAME
    with _accessible(file):
        if not file.exists():
            name = _NAME.sub("-", default_name.lower()).strip("-") or "realtime"
            _write_private(file, f"{name}|{clock.random_bytes(_SECRET_BYTES).hex()}\n")
        text = file.read_text(errors="replace")
    return parse_admin_key(text, str(file))


def read_admin_key(environment: Mapping[str, str], data_directory: Path) -> str | None:
    """Return the text of the admin key for a client on the same machine, if there is one.

    Raises:
        UnavailableError: The file is there, but can't be read.
    """
    given = environment.get(ENVIRONMENT_VARIABLE)
    if given is not None:
        return given.strip()
    file = data_directory / FILE_NAME
    with _accessible(file):
        return file.read_text(errors="replace").strip() if file.exists() else None


def parse_admin_key(text: str, place: str) -> AdminKey:
    """Return the admin key that `text` is; DefinitionError, with the place, if it is none."""
    text = text.strip()
    if not _FORM.fullmatch(text):
        raise DefinitionError("Expected an admin key of the form `name|secret`", place=place)
    name, _, secret = text.partition("|")
    return AdminKey(name, secret)


@contextmanager
def _accessible(file: Path) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        raise UnavailableError(
            f"Cannot use the file of the admin key, `{file}`: {error.strerror}. Give the key by "
            f"{ENVIRONMENT_VARIABLE}, or mend the file"
        ) from error


def _write_private(file: Path, text: str) -> None:
    # Written beside and moved, so that a crash leaves no half a key.
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.rename(file)
