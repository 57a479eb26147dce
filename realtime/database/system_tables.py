"""The tables of the system that apps may read: their names and fixed numbers.

Names of system tables begin with an underscore. Apps read the public ones through `ctx.db.system`;
all others are invisible and look like empty tables.

Source: contract 4.1 (numbers up to 10 000), 5.9.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from realtime.errors import ValidationError

SYSTEM_TABLE_NUMBERS: Final[Mapping[str, int]] = MappingProxyType(
    {"_storage": 513, "_scheduled_functions": 514}
)
"""The public system tables. The numbers are part of ids: they never change."""

_NAMES: Final = {number: name for name, number in SYSTEM_TABLE_NUMBERS.items()}


def is_system_table(name: str) -> bool:
    """Say whether a table with this name belongs to the system."""
    return name.startswith("_")


def system_table_name(number: int) -> str | None:
    """Return the name of the public system table with this number, or None."""
    return _NAMES.get(number)


def system_table_is_read_only() -> ValidationError:
    """Return the error of a write to a table of the system."""
    return ValidationError("System tables (prefixed with `_`) are read-only.")
