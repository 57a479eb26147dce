"""The name of a point in the history of commits."""

from __future__ import annotations

from typing import NewType

Timestamp = NewType("Timestamp", int)
"""Counts commits; nanoseconds since the Unix epoch where the clock allows, strictly increasing."""
