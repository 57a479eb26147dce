"""Document ids: the contract's vectors, a second implementation, and everything malformed."""

from __future__ import annotations

from base64 import b32encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.errors import ValidationError
from realtime.values.ids import DocumentId, decode_id, encode_id, new_internal_id

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
TO_ALPHABET = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET)

TABLE_NUMBERS = st.integers(1, 2**32 - 1) | st.sampled_from(
    [2 ** (7 * groups) + offset for groups in range(1, 5) for offset in (-1, 0, 1)]
)
INTERNAL_IDS = st.binary(min_size=16, max_size=16)


def powers(first: int, factor: int) -> bytes:
    content = [first]
    while len(content) < 16:
        content.append(content[-1] * factor % 256)
    return bytes(content)


VECTORS = [
    (1, bytes(16), "0400000000000000000000000000248"),
    (10001, bytes(range(16)), "j57000820c20a1g7104gm2rc1m70ynr8"),
    (1017, powers(251, 251), "z43zp6c3e75gkmz1kfwj6mbbx5sw281h"),
]


def spell(content: bytes) -> str:
    """Return base32 of `content` in the alphabet of ids, made by the standard library."""
    return b32encode(content).decode().rstrip("=").translate(TO_ALPHABET)


def with_footer(body: bytes, version: int = 0) -> bytes:
    first = second = 0
    for byte in body:
        first = (first + byte) % 256
        second = (second + first) % 256
    return body + ((second << 8 | first) ^ version).to_bytes(2, "little")


def varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number % 128 + 128]) + varint(number // 128)


def refusal_of(text: str) -> str:
    with pytest.raises(ValidationError) as caught:
        decode_id(text)
    return caught.value.message.removeprefix("Unable to decode ID: ")


@pytest.mark.parametrize(("table_number", "internal", "text"), VECTORS)
def test_id_has_the_spelling_of_the_contract(table_number: int, internal: bytes, text: str) -> None:
    assert encode_id(table_number, internal) == text
    assert decode_id(text) == DocumentId(table_number, internal)


@settings(max_examples=300, deadline=None)
@given(TABLE_NUMBERS, INTERNAL_IDS)
def test_decoding_an_id_undoes_encoding(table_number: int, internal: bytes) -> None:
    text = encode_id(table_number, internal)

    assert text == spell(with_footer(varint(table_number) + internal))
    assert 31 <= len(text) <= 37
    assert decode_id(text) == (table_number, internal)


@settings(max_examples=300, deadline=None)
@given(TABLE_NUMBERS, INTERNAL_IDS, st.integers(0, 36), st.characters() | st.sampled_from(ALPHABET))
def test_id_with_one_character_changed_is_refused(
    table_number: int, internal: bytes, place: int, character: str
) -> None:
    text = encode_id(table_number, internal)
    place %= len(text)
    changed = text[:place] + character + text[place + 1 :]

    if changed != text:
        refusal_of(changed)


@settings(max_examples=300, deadline=None)
@given(TABLE_NUMBERS, INTERNAL_IDS, st.integers(0, 40), st.text(ALPHABET, max_size=6))
def test_id_cut_short_or_continued_is_refused(
    table_number: int, internal: bytes, length: int, tail: str
) -> None:
    text = encode_id(table_number, internal)
    changed = text[:length] + tail

    if changed != text:
        refusal_of(changed)


def near_ids() -> st.SearchStrategy[str]:
    """Generate texts whose checksum is right and of which about one part is not."""
    numbers = TABLE_NUMBERS.map(varint)
    # A longer spelling of the number, more bits than it may have, or none at all.
    odd_numbers = (
        numbers.map(lambda number: number[:-1] + bytes([number[-1] | 0x80, 0]))
        | st.binary(min_size=4, max_size=4).map(lambda low: bytes(b | 0x80 for b in low) + b"\x7f")
        | st.binary(max_size=6)
    )
    bodies = st.tuples(numbers | odd_numbers, INTERNAL_IDS).map(b"".join) | st.tuples(
        numbers, st.binary(min_size=15, max_size=17)
    ).map(b"".join)
    texts = bodies.map(with_footer).map(spell)
    last_changed = st.tuples(texts, st.sampled_from(ALPHABET)).map(lambda two: two[0][:-1] + two[1])
    return texts | last_changed | texts.map(lambda text: text + "0")


@settings(max_examples=600, deadline=None)
@given(near_ids() | st.text(ALPHABET, min_size=31, max_size=37))
def test_whatever_decodes_is_the_one_spelling_of_its_id(text: str) -> None:
    try:
        decoded = decode_id(text)
    except ValidationError:
        return

    assert encode_id(*decoded) == text


@pytest.mark.parametrize("length", [0, 1, 22, 30, 38, 1000])
def test_id_of_another_length_is_refused(length: int) -> None:
    assert refusal_of("0" * length) == f"Invalid ID length {length}"


@pytest.mark.parametrize("character", list("ilou") + list("AZ-_ +\n\x00é\ud800٣"))
@pytest.mark.parametrize("place", [0, 15, 31])
def test_character_outside_the_alphabet_is_refused(character: str, place: int) -> None:
    text = VECTORS[1][2]

    changed = text[:place] + character + text[place + 1 :]

    assert refusal_of(changed) == "ID wasn't valid base32"


def test_padding_bits_that_are_not_zero_are_refused() -> None:
    text = VECTORS[0][2]

    # The last of 31 characters holds two bits of the id and three of padding.
    assert refusal_of(text[:-1] + ALPHABET[ALPHABET.index(text[-1]) + 1]) == (
        "ID wasn't valid base32"
    )


@pytest.mark.parametrize("length", [33, 35])
def test_character_that_holds_no_bit_of_the_id_is_refused(length: int) -> None:
    table_number = 10001 if length == 33 else 10001 << 7
    text = encode_id(table_number, bytes(16))

    assert len(text) == length - 1
    assert refusal_of(text + "0") == "ID wasn't valid base32"


@pytest.mark.parametrize(
    "number",
    [
        b"\x00",
        b"\x80\x00",
        b"\x81\x00",
        b"\xff\xff\xff\x80\x00",
        b"\xff\xff\xff\xff\x10",
        b"\xff\xff\xff\xff\xff",
    ],
)
def test_bad_table_number_is_refused(number: bytes) -> None:
    text = spell(with_footer(number + bytes(16)))

    assert refusal_of(text) == "Invalid table number"


def test_largest_table_number_is_accepted() -> None:
    text = spell(with_footer(b"\xff\xff\xff\xff\x0f" + bytes(16)))

    assert decode_id(text).table_number == 2**32 - 1
    assert len(text) == 37


@pytest.mark.parametrize("extra", [-1, 1])
def test_internal_id_of_another_length_is_refused(extra: int) -> None:
    text = spell(with_footer(varint(10001) + bytes(16 + extra)))

    assert refusal_of(text) == f"Invalid ID length {len(text)}"


@pytest.mark.parametrize("version", [1, 255, 256, 65535])
def test_other_version_or_wrong_checksum_is_refused(version: int) -> None:
    text = spell(with_footer(varint(10001) + bytes(range(16)), version))

    assert refusal_of(text) == f"Invalid ID version {version} (expected 0)"


def test_new_internal_ids_sort_by_time() -> None:
    earlier = new_internal_id(1_700_000_000_000, b"\xff" * 10)
    later = new_internal_id(1_700_000_000_001, bytes(10))

    assert len(earlier) == 16
    assert earlier < later
    assert earlier[:6] == (1_700_000_000_000).to_bytes(6, "big")
    assert earlier[6:] == b"\xff" * 10


@settings(max_examples=200, deadline=None)
@given(TABLE_NUMBERS, INTERNAL_IDS, INTERNAL_IDS)
def test_ids_of_one_table_sort_as_their_internal_ids(
    table_number: int, internal: bytes, other: bytes
) -> None:
    texts = encode_id(table_number, internal), encode_id(table_number, other)

    assert (texts[0] < texts[1]) == (internal < other)
