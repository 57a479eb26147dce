"""What a client reads of a failure, and where the rest of it goes."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from realtime.errors import (
    ApplicationError,
    ConvexError,
    CorruptionError,
    NotFoundError,
    ValidationError,
)
from realtime.runtime.error_texts import ErrorTexts, HandlerFailure
from realtime.testing import VirtualClock

ROOT = Path(__file__).parent
REQUEST_ID = "0123456789abcdef"


class NotAllowed(ApplicationError):
    """An error of the app."""


def texts(*, redact_errors: bool = False, root: Path = ROOT) -> ErrorTexts:
    return ErrorTexts(root, VirtualClock(), redact_errors=redact_errors)


def raised(error: BaseException) -> HandlerFailure:
    """The failure of a handler that raised `error` here."""
    try:
        raise error
    except BaseException as caught:
        return HandlerFailure(caught)


def first_lines(error: BaseException, count: int = 2) -> list[str]:
    message = texts().client_error(error, "m:f", REQUEST_ID).message
    return message.splitlines()[:count]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("boom"), "Uncaught ValueError: boom"),
        (Exception("boom"), "Uncaught Error: boom"),
        (ValidationError("no id"), "Uncaught Error: no id"),
        (ApplicationError("text"), "Uncaught ConvexError: text"),
        (ApplicationError({"b": 1, "a": None}), 'Uncaught ConvexError: {"b":1,"a":null}'),
        (ApplicationError("text", data=1), "Uncaught ConvexError: text"),
        (NotAllowed("text"), "Uncaught NotAllowed: text"),
    ],
)
def test_handlers_error_is_shown_with_its_name_and_text(error: BaseException, line: str) -> None:
    assert first_lines(raised(error)) == [f"[Request ID: {REQUEST_ID}] Server Error", line]


def test_error_before_a_run_is_shown_as_its_text_alone() -> None:
    message = texts().client_error(NotFoundError("Nothing there"), "m:f", REQUEST_ID).message

    assert message == f"[Request ID: {REQUEST_ID}] Server Error\nNothing there\n"


def test_only_lines_of_the_app_are_shown_innermost_first() -> None:
    def inner() -> None:
        raise ValueError("boom")

    def outer() -> None:
        inner()

    try:
        outer()
    except ValueError as error:
        failure = HandlerFailure(error)
    of_the_app = texts().client_error(failure, "m:f", REQUEST_ID).message
    of_another = texts(root=ROOT / "absent").client_error(failure, "m:f", REQUEST_ID).message

    places = [line.strip().split(" (")[0] for line in of_the_app.splitlines()[2:]]
    assert places == [
        "at inner",
        "at outer",
        "at test_only_lines_of_the_app_are_shown_innermost_first",
    ]
    assert "(../test_error_texts.py:" in of_the_app
    assert of_another.splitlines()[1:] == ["Uncaught ValueError: boom"]


@pytest.mark.parametrize(
    ("error", "data"),
    [
        (ApplicationError({"code": "No"}), b'{"code":"No"}'),
        (ApplicationError("text"), b'"text"'),
        (ApplicationError(None), b"null"),
        (ConvexError("text", data=[1]), b"[1]"),
        (ValueError("boom"), None),
    ],
)
def test_data_of_an_application_error_is_there_also_where_errors_are_redacted(
    error: BaseException, data: bytes | None
) -> None:
    shown = texts(redact_errors=True).client_error(raised(error), "m:f", REQUEST_ID)

    assert shown.message == f"[Request ID: {REQUEST_ID}] Server Error"
    assert shown.data == data


def test_data_that_is_no_value_is_dropped_and_that_is_said() -> None:
    shown = texts().client_error(raised(ApplicationError({"a": object()})), "m:f", REQUEST_ID)

    assert shown.data is None
    assert "its data was dropped, it is not a value" in shown.message


def test_each_level_of_nesting_adds_a_prefix() -> None:
    error = ApplicationError("text")
    error.nesting = 2

    line = first_lines(raised(error))[1]

    assert line == "Uncaught ConvexError: " * 3 + "text"


@pytest.mark.parametrize(
    ("error", "level", "has_traceback"),
    [
        (raised(ApplicationError("text")), logging.INFO, False),
        (NotFoundError("Nothing there"), logging.INFO, False),
        (raised(ValueError("boom")), logging.ERROR, True),
        (CorruptionError("A row is wrong"), logging.ERROR, True),
    ],
)
def test_log_of_the_server_has_a_traceback_of_what_nobody_meant(
    caplog: pytest.LogCaptureFixture, error: Any, level: int, has_traceback: bool
) -> None:
    with caplog.at_level(logging.INFO):
        texts(redact_errors=True).client_error(error, "m:f", REQUEST_ID)

    (record,) = caplog.records
    assert record.levelno == level
    assert bool(record.exc_info) is has_traceback
    assert f"m:f failed [Request ID: {REQUEST_ID}]" in record.getMessage()


def test_request_without_an_id_gets_a_new_one_each_time() -> None:
    made = texts()

    first, second = (made.client_error(ValidationError("x"), "m:f").message for _ in range(2))

    assert re.match(r"\[Request ID: [0-9a-f]{16}\]", first)
    assert first != second
