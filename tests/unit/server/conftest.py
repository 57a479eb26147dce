"""A conversation that begins."""

from __future__ import annotations

import pytest

from tests.unit.server.conversation import (
    Conversation,
)


@pytest.fixture
def conversation() -> Conversation:
    return Conversation()
