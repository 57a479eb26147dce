"""Large transitions in parts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.runtime.outcome import QueryResult
from realtime.sync.query_set import UpdateResult
from realtime.sync.transition_chunks import TransitionChunks
from realtime.sync.transitions import Transitions

PART_BYTES = 100


def all_parts(chunks: TransitionChunks) -> list[Any]:
    parts: list[Any] = []
    while chunks:
        parts.append(json.loads(b"".join(chunks.take())))
    return parts


def build(transitions: Transitions, text: str) -> None:
    value = json.dumps(text, ensure_ascii=False).encode()
    transitions.begin(0)
    transitions.finish(10, UpdateResult(1, [], [(0, QueryResult(value, None))]), 0)


def taken(transitions: Transitions) -> list[Any]:
    return [json.loads(b"".join(message)) for message in transitions.take()]


@given(
    st.lists(st.text('aé€😀"\\\n'), min_size=1),
    st.integers(4, 40),
)
def test_parts_joined_are_the_message(texts: list[str], part_bytes: int) -> None:
    pieces = [json.dumps(text, ensure_ascii=False).encode() for text in texts]
    whole = b"".join(pieces)

    parts = all_parts(TransitionChunks([*pieces, b""], part_bytes))

    assert "".join(part["chunk"] for part in parts) == whole.decode()
    assert all(0 < len(part["chunk"].encode()) <= part_bytes for part in parts)
    assert [part["partNumber"] for part in parts] == list(range(len(parts)))
    assert {part["totalParts"] for part in parts} == {len(parts)}
    assert {part["transitionId"] for part in parts} == {str(len(whole))}


@pytest.mark.parametrize(("padding", "is_cut"), [(0, False), (1, True)])
def test_a_transition_is_cut_only_beyond_the_limit(padding: int, is_cut: bool) -> None:
    probe = Transitions()
    build(probe, "")
    (message,) = probe.take()
    limit = sum(map(len, message)) + 50
    transitions = Transitions(limit)

    build(transitions, "x" * (50 + padding))

    assert taken(transitions)[0]["type"] == ("TransitionChunk" if is_cut else "Transition")


def test_the_next_part_comes_when_the_last_one_has_left() -> None:
    transitions = Transitions(PART_BYTES)
    build(transitions, "x" * 250)

    numbers: list[int] = []
    while transitions.is_leaving:
        (part,) = taken(transitions)
        assert taken(transitions) == []
        numbers.append(part["partNumber"])
        transitions.drained()

    assert numbers == list(range(part["totalParts"]))
    assert len(numbers) > 3
    assert transitions.is_idle


def test_a_debt_that_came_up_between_parts_needs_another_transition() -> None:
    transitions = Transitions(PART_BYTES)
    build(transitions, "x" * 150)
    transitions.take()

    transitions.owe(10)
    while transitions.is_leaving:
        transitions.drained()
        transitions.take()

    assert transitions.is_owed
