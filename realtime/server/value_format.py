"""The formats in which HTTP clients may have their values (contract 2.2, 3.2)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from realtime.errors import ValidationError
from realtime.server.client_version import ClientVersion
from realtime.values.json_encoding import clean_value, decode_json

ValueFormat: TypeAlias = Callable[[bytes], bytes]
"""Turns encoded JSON text into the text that the client gets."""

_CLEAN_FORMATS: Final = ("json", "convex_clean_json", "export_json")
_ENCODED_FORMATS: Final = ("convex_encoded_json", "convex_json")
_FIRST_CLEAN_VERSIONS: Final = {
    "npm": "1.4.1",
    "npm-cli": "1.4.1",
    "actions": "1.4.1",
    "python": "0.5.0",
}
"""From these versions on clients that name no format expect clean JSON."""


def value_format(name: str | None, client: ClientVersion) -> ValueFormat:
    """Return the format of that name, or the one that the client expects if it names none.

    Raises:
        ValidationError: There is no such format (code `BadFormat`).
    """
    if name is None:
        name = "convex_encoded_json" if _expects_encoded_values(client) else "json"
    if name in _CLEAN_FORMATS:
        return clean_json
    if name in _ENCODED_FORMATS:
        return decimal_json if client.name.startswith("python") else bytes
    raise ValidationError(
        f"Expected the format `json`, `convex_encoded_json` or `export_json`, got `{name}`",
        code="BadFormat",
    )


def clean_json(encoded: bytes) -> bytes:
    """Return clean JSON text for encoded JSON text."""
    # Only values that plain JSON cannot hold differ, and each is an object with a `$` key.
    if b'"$' not in encoded:
        return encoded
    return msgspec.json.encode(clean_value(decode_json(encoded)))


def decimal_json(encoded: bytes) -> bytes:
    """Return the same JSON with a decimal point in every number.

    Values are floats, and the HTTP client of PyPI refuses a number that is written as an integer.
    """
    return msgspec.json.encode(json.loads(encoded, parse_int=float))


def _expects_encoded_values(client: ClientVersion) -> bool:
    first_clean = _FIRST_CLEAN_VERSIONS.get(client.name)
    return first_clean is not None and client.is_before(first_clean)
