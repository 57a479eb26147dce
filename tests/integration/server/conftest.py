"""The fixture that serves an ASGI application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.harness.asgi_server import serving

Serve = Callable[..., Any]


@pytest.fixture
def serve() -> Serve:
    """Return the context manager that serves an ASGI application."""
    return serving
