"""Cursors: what goes in comes out, and nothing else is taken."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.database.index_range import RangeBound
from realtime.errors import InvalidCursorError
from realtime.runtime.cursor import FINGERPRINT_BYTES, Cursor, Cursors, fingerprint_of
from realtime.runtime.read_plan import ReadPlan
from realtime.values.value import UNSET, Int64

CURSORS = Cursors(bytes(range(32)))
FINGERPRINT = bytes(range(FINGERPRINT_BYTES))

cursors = st.builds(
    Cursor,
    st.binary(min_size=FINGERPRINT_BYTES, max_size=FINGERPRINT_BYTES),
    st.none() | st.binary(min_size=1, max_size=200),
)

VECTORS = {
    Cursor(FINGERPRINT, None): "AWxbEC1qJt-HCui8o258Jd3u5wgEVsLko67IBoQdPHM",
    Cursor(FINGERPRINT, b"\x10a\x00"): "R8McYj8muBWoOnufHTUuvEU14jqMT7noIOuW56uGmVqBu_E",
    Cursor(bytes(FINGERPRINT_BYTES), b"\x01"): "ftAB-o3xvIOMP8I3Xrb-suLI-bHWAuJuNUgx1rFtvyrP",
}
"""Made once: cursors that clients hold must be read by later versions of the server too."""


@pytest.mark.parametrize("cursor", VECTORS)
def test_encoding_is_what_clients_hold_already(cursor: Cursor) -> None:
    assert CURSORS.encode(cursor) == VECTORS[cursor]


@given(cursor=cursors)
def test_cursor_comes_back_also_after_a_restart(cursor: Cursor) -> None:
    text = CURSORS.encode(cursor)

    assert Cursors(bytes(range(32))).decode(text) == cursor
    assert CURSORS.encode(cursor) == text


@given(cursor=cursors, at=st.integers(0), bits=st.integers(1, 255))
def test_changed_cursor_is_refused(cursor: Cursor, at: int, bits: int) -> None:
    text = CURSORS.encode(cursor)
    sealed = bytearray(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    sealed[at % len(sealed)] ^= bits

    with pytest.raises(InvalidCursorError):
        CURSORS.decode(urlsafe_b64encode(sealed).rstrip(b"=").decode())


@given(cursor=cursors, length=st.integers(0))
def test_truncated_cursor_is_refused(cursor: Cursor, length: int) -> None:
    text = CURSORS.encode(cursor)

    with pytest.raises(InvalidCursorError):
        CURSORS.decode(text[: length % len(text)])


@given(cursor=cursors, tail=st.text(min_size=1, max_size=5))
def test_cursor_with_something_behind_it_is_refused(cursor: Cursor, tail: str) -> None:
    with pytest.raises(InvalidCursorError):
        CURSORS.decode(CURSORS.encode(cursor) + tail)


def test_only_one_spelling_of_a_cursor_is_taken() -> None:
    text = CURSORS.encode(Cursor(FINGERPRINT, b"\x01\x00"))
    assert len(text) % 4 == 2, "the last character has bits that mean nothing"
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    unused_bit = alphabet[alphabet.index(text[-1]) ^ 1]

    for other in (text[:-1] + unused_bit, text + "=", " " + text, text + "\n"):
        with pytest.raises(InvalidCursorError):
            CURSORS.decode(other)


@given(text=st.text(max_size=100) | st.binary(max_size=100).map(lambda b: b.hex()))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursorError) as raised:
        CURSORS.decode(text)

    assert raised.value.text.startswith("Failed to parse cursor")
    assert raised.value.code == "InvalidCursor"
    assert raised.value.data == {"isConvexSystemError": True, "paginationError": "InvalidCursor"}


def test_very_long_text_is_refused() -> None:
    with pytest.raises(InvalidCursorError):
        CURSORS.decode("A" * 10_000_000)


@given(cursor=cursors)
def test_cursor_of_another_database_is_refused(cursor: Cursor) -> None:
    with pytest.raises(InvalidCursorError):
        CURSORS.decode(Cursors(bytes(32)).encode(cursor))


def test_cursor_does_not_show_the_key_it_stands_behind() -> None:
    text = CURSORS.encode(Cursor(FINGERPRINT, b"\x10ada@example.com\x00"))

    sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert b"ada" not in sealed and b"example" not in sealed
    assert FINGERPRINT not in sealed


def test_equal_beginnings_do_not_show() -> None:
    one, other = (CURSORS.encode(Cursor(FINGERPRINT, key)) for key in (b"\x10a\x00", b"\x10b\x00"))

    assert one[:8] != other[:8] and one[-4:] != other[-4:]


def test_longest_key_fits() -> None:
    cursor = Cursor(FINGERPRINT, bytes(18 * 2081))

    assert CURSORS.decode(CURSORS.encode(cursor)) == cursor


PLAN = ReadPlan("books", as_dict=False, index="by_shelf", equals={"shelf": "a"})
DIFFERENT: dict[str, tuple[ReadPlan, tuple[str, ...]]] = {
    "table": (ReadPlan("films", False, "by_shelf", {"shelf": "a"}), ("shelf",)),
    "index": (ReadPlan("books", False, "by_place", {"shelf": "a"}), ("shelf",)),
    "fields of the index": (PLAN, ("shelf", "place")),
    "value": (ReadPlan("books", False, "by_shelf", {"shelf": "b"}), ("shelf",)),
    "type of the value": (ReadPlan("books", False, "by_shelf", {"shelf": Int64(1)}), ("shelf",)),
    "absent value": (ReadPlan("books", False, "by_shelf", {"shelf": UNSET}), ("shelf",)),
    "no range": (ReadPlan("books", False, "by_shelf"), ("shelf",)),
    "field": (ReadPlan("books", False, "by_shelf", {"place": "a"}), ("shelf",)),
    "bound": (
        ReadPlan("books", False, "by_shelf", {"shelf": "a"}, (RangeBound("place", "gt", 1.0),)),
        ("shelf",),
    ),
    "bound with equality": (
        ReadPlan("books", False, "by_shelf", {"shelf": "a"}, (RangeBound("place", "gte", 1.0),)),
        ("shelf",),
    ),
    "order": (ReadPlan("books", False, "by_shelf", {"shelf": "a"}, order="desc"), ("shelf",)),
    "filter": (
        ReadPlan("books", False, "by_shelf", {"shelf": "a"}, filters=(bool,)),
        ("shelf",),
    ),
}


def test_each_part_of_a_query_makes_another_fingerprint() -> None:
    prints = {fingerprint_of(plan, fields) for plan, fields in DIFFERENT.values()}

    assert len(prints) == len(DIFFERENT)
    assert fingerprint_of(PLAN, ("shelf",)) not in prints


def test_spelling_of_a_query_makes_no_difference() -> None:
    bounds = (RangeBound("c", "gt", 1.0), RangeBound("c", "lt", 2.0))
    one = ReadPlan("t", True, "i", {"a": 1.0, "b": 2.0}, bounds, "asc")
    other = ReadPlan("t", False, "i", {"b": 2.0, "a": 1.0}, bounds[::-1])

    assert fingerprint_of(one, ("a", "b", "c")) == fingerprint_of(other, ("a", "b", "c"))
