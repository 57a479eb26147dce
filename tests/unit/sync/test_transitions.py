"""The chain of versions, and the debt of covering transitions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime.sync.messages import EncodedMessage, StateVersion
from realtime.sync.query_set import UpdateResult
from realtime.sync.transitions import Transitions

NOTHING = UpdateResult(0, [], [])


def parsed(messages: list[EncodedMessage]) -> list[Any]:
    return [json.loads(b"".join(message)) for message in messages]


def test_each_transition_starts_where_the_last_one_ended() -> None:
    transitions = Transitions()

    taken: list[Any] = []
    for version, identity, timestamp in [(1, 0, 10), (1, 1, 10), (5, 2, 99)]:
        transitions.begin(identity)
        transitions.finish(timestamp, UpdateResult(version, [], []), 0)
        taken += parsed(transitions.take())
        transitions.drained()

    ends = [transition["endVersion"] for transition in taken]
    starts = [transition["startVersion"] for transition in taken]
    assert starts == [{"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}, *ends[:-1]]
    assert transitions.version == StateVersion(5, 2, 99)


def test_an_update_that_tells_nothing_leaves_the_version_alone() -> None:
    transitions = Transitions()

    transitions.begin(0)
    transitions.finish(10, NOTHING, 0)

    assert transitions.is_idle
    assert transitions.take() == []
    assert transitions.version == StateVersion(0, 0, 0)


def test_a_debt_is_paid_by_an_empty_transition() -> None:
    transitions = Transitions()
    transitions.owe(10)

    transitions.begin(0)
    transitions.finish(10, NOTHING, 0)
    [taken] = parsed(transitions.take())

    assert taken["modifications"] == []
    assert not transitions.is_owed


def test_a_transition_before_the_debt_does_not_pay_it() -> None:
    transitions = Transitions()
    transitions.begin(0)
    transitions.owe(10)

    transitions.finish(9, UpdateResult(1, [], []), 0)
    transitions.take()

    assert transitions.is_owed


def test_no_transition_is_made_only_to_fall_short_of_the_debt() -> None:
    transitions = Transitions()
    transitions.begin(0)
    transitions.owe(10)

    transitions.finish(9, NOTHING, 0)

    assert transitions.is_idle
    assert transitions.is_owed


def test_the_largest_of_several_debts_counts() -> None:
    transitions = Transitions()
    transitions.owe(10)
    transitions.owe(0)

    transitions.begin(0)
    transitions.finish(9, NOTHING, 0)

    assert transitions.take() == []
    assert transitions.is_owed


def test_a_debt_behind_the_version_needs_a_new_transition() -> None:
    transitions = Transitions()
    transitions.begin(0)
    transitions.finish(10, UpdateResult(1, [], []), 0)
    transitions.take()

    transitions.owe(3)
    transitions.drained()

    assert transitions.is_owed
    transitions.begin(0)
    transitions.finish(10, UpdateResult(1, [], []), 0)
    assert len(transitions.take()) == 1
    assert not transitions.is_owed


def test_a_debt_of_a_response_before_a_built_transition_is_paid_by_it() -> None:
    transitions = Transitions()
    transitions.begin(0)
    transitions.finish(10, UpdateResult(1, [], []), 0)

    transitions.owe(10)
    transitions.take()

    assert not transitions.is_owed


def test_a_transition_is_taken_once_and_leaves_before_the_next() -> None:
    transitions = Transitions()
    phases: list[tuple[bool, bool, bool]] = []

    def note() -> None:
        phases.append((transitions.is_idle, transitions.is_computing, transitions.is_leaving))

    note()
    transitions.begin(0)
    transitions.drained()
    note()
    transitions.finish(1, UpdateResult(1, [], []), 0)
    transitions.drained()
    note()
    assert len(transitions.take()) == 1
    assert transitions.take() == []
    note()
    transitions.drained()
    note()

    idle, computing, leaving = (True, False, False), (False, True, False), (False, False, True)
    assert phases == [idle, computing, leaving, leaving, idle]


def test_skew_and_server_time_are_told() -> None:
    transitions = Transitions()
    transitions.client_clock_skew_ms = -7

    transitions.begin(0)
    transitions.finish(1, UpdateResult(1, [4], []), 1763800000123456789)
    [taken] = parsed(transitions.take())

    assert (taken["clientClockSkew"], taken["serverTs"]) == (-7, 1763800000123456789)
    assert taken["modifications"] == [{"type": "QueryRemoved", "queryId": 4}]


def test_two_transitions_are_never_in_the_making() -> None:
    transitions = Transitions()
    transitions.begin(0)

    with pytest.raises(AssertionError):
        transitions.begin(0)


def test_a_transition_is_not_finished_before_it_began() -> None:
    with pytest.raises(AssertionError):
        Transitions().finish(1, NOTHING, 0)


def test_only_an_update_in_progress_can_start_again() -> None:
    with pytest.raises(AssertionError):
        Transitions().restart(0)
