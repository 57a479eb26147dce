"""The errors that the app's functions raise for their callers to act on."""

from __future__ import annotations

from realtime import ApplicationError


def refused(code: str, message: str) -> ApplicationError:
    """Return an error with a `code` for programs and a `message` for people.

    Both travel as data, so clients have them also where error texts are redacted.
    """
    return ApplicationError(message, data={"code": code, "message": message})
