"""Document ids: a table number and 16 bytes, spelled as 31 to 37 letters and digits.

    bytes  = varint(table number) + internal id + footer
    footer = fletcher16(varint + internal id) as 2 little-endian bytes, XOR the version, which is 0
    string = base32 of the bytes, Crockford's alphabet in lower case, no padding

An id has one spelling: whatever decodes encodes to the same text again. So ids are compared as
strings everywhere.

Source: contract 4.1.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Final, NamedTuple

from realtime.errors import ValidationError

INTERNAL_ID_BYTES: Final = 16
MAX_TABLE_NUMBER: Final = 2**32 - 1

_REMEMBERED_IDS = 65_536
_MIN_LENGTH: Final = 31
_MAX_LENGTH: Final = 37
_FOOTER_BYTES: Final = 2
_VERSION: Final = 0
_TIME_BYTES: Final = 6

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = [high + low for high in _ALPHABET for low in _ALPHABET]

# Python's own digits of base 32, at the places of ours; all else becomes a byte that is no digit.
_DIGITS: Final = bytes(
    b"0123456789abcdefghijklmnopqrstuv"[_ALPHABET.index(chr(code))]
    if chr(code) in _ALPHABET
    else 0x21
    for code in range(256)
)


class DocumentId(NamedTuple):
    """What an id string says: which table, and which document of it."""

    table_number: int
    internal: bytes


def encode_id(table_number: int, internal: bytes) -> str:
    """Return the id string of a document.

    Args:
        table_number: 1 to 2^32 - 1.
        internal: 16 bytes, as `new_internal_id` makes them.
    """
    assert 0 < table_number <= MAX_TABLE_NUMBER
    assert len(internal) == INTERNAL_ID_BYTES
    body = _encode_varint(table_number) + internal
    footer = (_fletcher16(body) ^ _VERSION).to_bytes(_FOOTER_BYTES, "little")
    text = _encode_base32(body + footer)
    _recent.remember(text, DocumentId(table_number, internal))
    return text


def decode_id(text: str) -> DocumentId:
    """Return the parts of an id string; recent ones are remembered.

    Raises:
        ValidationError: it is not the one spelling of an id; the text is the contract's.
    """
    return _recent[text]


def _decode(text: str) -> DocumentId:
    if not _MIN_LENGTH <= len(text) <= _MAX_LENGTH:
        raise _invalid_length(text)
    content = _decode_base32(text)
    table_number, start = _decode_varint(content)
    end = start + INTERNAL_ID_BYTES
    if len(content) != end + _FOOTER_BYTES:
        raise _invalid_length(text)
    version = _fletcher16(content[:end]) ^ int.from_bytes(content[end:], "little")
    if version != _VERSION:
        raise ValidationError(
            f"Unable to decode ID: Invalid ID version {version} (expected {_VERSION})"
        )
    return DocumentId(table_number, content[start:end])


class _RecentIds(dict[str, DocumentId]):
    """The parts of ids seen lately, those made here among them: each is decoded several times."""

    def __missing__(self, text: str) -> DocumentId:
        parts = _decode(text)
        self.remember(text, parts)
        return parts

    def remember(self, text: str, parts: DocumentId) -> None:
        """Keep one more; when there are too many, begin anew."""
        if len(self) >= _REMEMBERED_IDS:
            self.clear()
        self[text] = parts


_recent: Final = _RecentIds()


def new_internal_id(time_ms: int, random: bytes) -> bytes:
    """Return the internal id of a new document: its time first, so that new ids sort together.

    Args:
        time_ms: milliseconds since the Unix epoch, less than 2^48.
        random: 10 random bytes.
    """
    assert len(random) == INTERNAL_ID_BYTES - _TIME_BYTES
    return time_ms.to_bytes(_TIME_BYTES, "big") + random


def _invalid_length(text: str) -> ValidationError:
    return ValidationError(f"Unable to decode ID: Invalid ID length {len(text)}")


def _invalid_base32() -> ValidationError:
    return ValidationError("Unable to decode ID: ID wasn't valid base32")


def _invalid_table_number() -> ValidationError:
    return ValidationError("Unable to decode ID: Invalid table number")


def _fletcher16(content: bytes) -> int:
    """Return the Fletcher checksum of `content`, modulo 256 and not the usual 255."""
    sums = list(accumulate(content))
    return (sum(sums) & 0xFF) << 8 | sums[-1] & 0xFF


def _encode_varint(number: int) -> bytes:
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def _decode_varint(content: bytes) -> tuple[int, int]:
    """Return the table number at the start of `content` and where it ends."""
    number = 0
    for index, group in enumerate(content[:5]):
        number |= (group & 0x7F) << 7 * index
        if group < 0x80:
            # A last group of zero could be left out, or is table 0.
            if group == 0 or number > MAX_TABLE_NUMBER:
                break
            return number, index + 1
    raise _invalid_table_number()


def _encode_base32(content: bytes) -> str:
    bits = len(content) * 8
    padding = -bits % 5
    digits = (bits + padding) // 5
    # Ten bits, two digits, at a time; of an odd count the first stands alone.
    number = int.from_bytes(content, "big") << padding
    first = _ALPHABET[number >> 5 * (digits - 1)] if digits % 2 else ""
    shifts = range(5 * (digits - digits % 2) - 10, -1, -10)
    return first + "".join([_PAIRS[number >> shift & 0x3FF] for shift in shifts])


def _decode_base32(text: str) -> bytes:
    try:
        number = int(text.encode("ascii").translate(_DIGITS), 32)
    except ValueError:
        raise _invalid_base32() from None
    size, padding = divmod(len(text) * 5, 8)
    # The padding is shorter than a digit and zero, or there is another spelling.
    if padding > 4 or number & (1 << padding) - 1:
        raise _invalid_base32()
    return (number >> padding).to_bytes(size, "big")
