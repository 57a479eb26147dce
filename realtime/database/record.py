"""A document as the database holds it: its place, its bytes and, once needed, its value."""

from __future__ import annotations

from realtime.values.json_encoding import decode_json
from realtime.values.value import Value


class Record:
    """One version of one document. Its bytes never change; its value must not be changed.

    `locator` names the row in the storage; `document` is canonical encoded JSON.
    """

    __slots__ = ("_value", "document", "locator")

    def __init__(
        self, locator: int, document: bytes, value: dict[str, Value] | None = None
    ) -> None:
        self.locator = locator
        self.document = document
        self._value = value

    @property
    def value(self) -> dict[str, Value]:
        """Return the document in wire names and values; decoded at first use."""
        if self._value is None:
            self._value = decode_json(self.document)
        return self._value
