"""A conversation that begins, and a caller over HTTP."""

from __future__ import annotations

import pytest

from tests.unit.server.conversation import Conversation
from tests.unit.server.http_caller import Api


@pytest.fixture
def conversation() -> Conversation:
    return Conversation()


@pytest.fixture
def api() -> Api:
    return Api()
