"""A validator for each test."""

from __future__ import annotations

import pytest

from tests.unit.server.auth.token_check import Check


@pytest.fixture
def check() -> Check:
    return Check()
