"""Cursors: where a page begins or ends, in a form that clients keep and can neither read nor make.

A cursor is a position in what one table query reads (behind an index key, or at the end) with a
fingerprint of that query. Index keys hold values of fields that the function may never have
returned, so cursors are encrypted; and they come back as bounds of scans, so they are
authenticated.

Both are done by one deterministic construction, as in SIV modes: the tag is a keyed hash of the
plain text, and seeds the key stream that hides it. Deterministic, because results are compared and
shared by their bytes; what a second look at the same cursor tells is only that it is the same. The
keys are derived from the secret in the storage, so that clients can go on after a restart.
(Encryption with random nonces was rejected: a page that is read again would never be the same. A
library for it costs more, at import, than everything else that a query needs.)

Source: contract 5.8.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b, shake_256
from hmac import compare_digest
from typing import Final, NamedTuple

import msgspec

from realtime.errors import InvalidCursorError
from realtime.runtime.read_plan import ReadPlan
from realtime.values.index_key import encode_key

FINGERPRINT_BYTES: Final = 16
MAX_CURSOR_CHARACTERS: Final = 2**16
"""More than the longest index key takes: 18 fields of at most 2081 bytes each."""

_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32


class Cursor(NamedTuple):
    """A position in what a table query reads: behind `key`, or at the end if that is None."""

    fingerprint: bytes
    key: bytes | None


class Cursors:
    """Encodes and decodes the cursors of one storage."""

    def __init__(self, secret: bytes) -> None:
        self._tag_key = _derived_key(secret, b"cursor tag")
        self._stream_key = _derived_key(secret, b"cursor stream")

    def encode(self, cursor: Cursor) -> str:
        """Return a cursor as clients get it; equal cursors give equal texts."""
        plain = cursor.fingerprint + (cursor.key or b"")  # no index key is empty
        tag = blake2b(plain, digest_size=_TAG_BYTES, key=self._tag_key).digest()
        return urlsafe_b64encode(tag + self._masked(tag, plain)).rstrip(b"=").decode()

    def decode(self, text: str) -> Cursor:
        """Return the cursor of a text that `encode` made; InvalidCursorError for any other."""
        cursor = self._unsealed(text)
        # Encoding makes the tag anew: one comparison finds a change, and another spelling too.
        if cursor is None or not compare_digest(
            self.encode(cursor).encode(), text.encode(errors="replace")
        ):
            raise InvalidCursorError(
                "Failed to parse cursor: it was changed, or comes from another database. "
                "Start again without a cursor"
            )
        return cursor

    def _unsealed(self, text: str) -> Cursor | None:
        """Return what a text would be the cursor of, if it is one; None if it can't be."""
        if len(text) > MAX_CURSOR_CHARACTERS:
            return None
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            return None
        if len(sealed) < _TAG_BYTES + FINGERPRINT_BYTES:
            return None
        plain = self._masked(sealed[:_TAG_BYTES], sealed[_TAG_BYTES:])
        return Cursor(plain[:FINGERPRINT_BYTES], plain[FINGERPRINT_BYTES:] or None)

    def _masked(self, tag: bytes, content: bytes) -> bytes:
        """Return `content` with the key stream of `tag` laid over it; twice gives it back."""
        length = len(content)
        stream = shake_256(self._stream_key + tag).digest(length)
        mixed = int.from_bytes(content, "big") ^ int.from_bytes(stream, "big")
        return mixed.to_bytes(length, "big")


def fingerprint_of(plan: ReadPlan, index_fields: tuple[str, ...]) -> bytes:
    """Return what tells a table query from others whose cursors do not fit it.

    It covers table, index, range, order and the number of filters; what a filter does can't be
    compared. `index_fields` are those of the index: one that is declared anew has other keys.
    """
    equals = sorted((field, encode_key(value)) for field, value in (plan.equals or {}).items())
    bounds = sorted((bound.field, bound.operator, encode_key(bound.value)) for bound in plan.bounds)
    is_descending = plan.order == "desc"
    source = (plan.table_name, plan.index_name, index_fields, equals, bounds, is_descending)
    encoded = msgspec.msgpack.encode((*source, len(plan.filters)))
    return blake2b(encoded, digest_size=FINGERPRINT_BYTES).digest()


def _derived_key(secret: bytes, purpose: bytes) -> bytes:
    return blake2b(purpose, digest_size=_KEY_BYTES, key=secret).digest()
