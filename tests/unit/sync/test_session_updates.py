"""Updates of a session: when one begins, and the transitions that tell of it."""

from __future__ import annotations

import pytest

from realtime.errors import ProtocolError
from realtime.sync.query_set import PendingQuery
from realtime.sync.work import RemoveQuery
from tests.unit.sync.session_client import Client, add, remove, success, version


def test_the_first_results_come_in_one_transition() -> None:
    client = Client()
    client.modify(0, add(0), add(1, args=[{"a": 1}], journal="j", componentPath="c"))

    assert client.session.wants_update
    queries = client.session.begin_update()
    client.finish(50, {0: b"[]", 1: b"{}"})
    [transition] = client.received()

    assert queries == {
        0: PendingQuery("m:list", b"[{}]", None, None),
        1: PendingQuery("m:list", b'[{"a": 1}]', "c", "j"),
    }
    assert transition["startVersion"] == version(0, 0, 0)
    assert transition["endVersion"] == version(1, 0, 50)
    assert [(each["queryId"], each["value"]) for each in transition["modifications"]] == [
        (0, []),
        (1, {}),
    ]


def test_an_empty_query_set_is_confirmed() -> None:
    client = Client()

    client.modify(0)
    [transition] = client.synced(50)

    assert transition["endVersion"] == version(1, 0, 50)
    assert transition["modifications"] == []
    assert not client.session.wants_update


def test_versions_chain_over_updates() -> None:
    client = Client()
    client.modify(0, add(0))
    first = client.synced(50)
    client.modify(1, remove(0))
    client.modify(2, add(1))

    second = client.synced(60)

    assert second[0]["startVersion"] == first[0]["endVersion"]
    assert second[0]["endVersion"] == version(3, 0, 60)
    assert [each["type"] for each in second[0]["modifications"]] == ["QueryRemoved", "QueryUpdated"]


def test_a_removed_query_gives_up_its_subscription() -> None:
    client = Client()
    client.modify(0, add(0), add(1))
    client.synced(50)

    client.modify(1, remove(1), remove(0))

    assert client.work() == [RemoveQuery(1), RemoveQuery(0)]


def test_an_invalidated_query_is_evaluated_again() -> None:
    client = Client()
    client.modify(0, add(0), add(1))
    client.synced(50)

    client.session.query_invalidated(1)

    assert client.session.wants_update
    assert client.update(60, {1: b"2"}) == [1]
    [transition] = client.received()
    assert [each["queryId"] for each in transition["modifications"]] == [1]


def test_a_run_that_gives_the_same_result_sends_nothing() -> None:
    client = Client()
    client.modify(0, add(0))
    client.synced(50)
    client.session.query_invalidated(0)

    received = client.synced(60)

    assert received == []
    assert not client.session.wants_update


def test_one_update_is_in_progress_at_a_time() -> None:
    client = Client()
    client.modify(0, add(0))
    client.session.begin_update()

    client.modify(1, add(1))

    assert not client.session.wants_update
    with pytest.raises(ProtocolError, match="begin_update"):
        client.session.begin_update()
    client.finish(50, {0: b"1"})
    assert client.received()[0]["endVersion"] == version(1, 0, 50)


def test_the_next_update_waits_until_the_transition_has_left() -> None:
    client = Client()
    client.modify(0, add(0))
    client.update(50)
    client.modify(1, add(1))

    wanted = [client.session.wants_update]
    client.session.socket_drained()
    wanted.append(client.session.wants_update)
    client.received()
    wanted.append(client.session.wants_update)
    client.session.socket_drained()
    wanted.append(client.session.wants_update)

    assert wanted == [False, False, False, True]


def test_an_update_that_nobody_wants_does_not_begin() -> None:
    client = Client()

    with pytest.raises(ProtocolError, match="begin_update"):
        client.session.begin_update()


def test_results_without_an_update_are_refused() -> None:
    client = Client()
    client.modify(0, add(0))

    with pytest.raises(ProtocolError, match="queries_finished"):
        client.finish(50, {0: b"1"})

    assert client.received() == []
    assert client.session.wants_update


def test_the_timestamp_of_a_transition_never_goes_back() -> None:
    client = Client()
    client.modify(0, add(0))
    client.synced(50)
    client.session.query_invalidated(0)
    client.session.begin_update()

    with pytest.raises(ProtocolError, match="Expected a timestamp from 50 on, got 49"):
        client.finish(49, {0: b"2"})

    client.finish(50, {0: b"2"})
    assert client.received()[0]["endVersion"] == version(1, 0, 50)


def test_results_that_lack_a_query_are_refused() -> None:
    client = Client()
    client.modify(0, add(0))
    client.session.begin_update()

    with pytest.raises(ProtocolError, match="lack"):
        client.finish(50, {})

    client.finish(50, {0: b"2"})
    assert len(client.received()) == 1


def test_only_queries_to_evaluate_count_as_stale() -> None:
    client = Client()
    client.mutate(0)
    client.modify(0)
    client.session.mutation_finished(0, success(5))
    is_stale = [client.session.has_stale_queries]

    client.modify(1, add(0))
    is_stale.append(client.session.has_stale_queries)
    client.synced(5)
    is_stale.append(client.session.has_stale_queries)
    client.session.query_invalidated(0)
    is_stale.append(client.session.has_stale_queries)

    assert is_stale == [False, True, False, True]


def test_a_step_from_another_version_is_fatal_and_changes_nothing() -> None:
    client = Client()
    client.modify(0)

    with pytest.raises(ProtocolError) as caught:
        client.modify(0, add(0))

    assert caught.value.code == "BaseVersionMismatch"
    assert caught.value.message == "Base version 0 passed up doesn't match the current version 1"
    client.modify(1, add(0))
    assert client.update(5) == [0]


# An update that starts again


def test_update_that_starts_again_is_one_of_the_newest_identity_and_queries() -> None:
    client = Client()
    client.modify(0, add(0))
    client.session.begin_update()
    client.authenticate(0)
    client.session.authenticated("somebody")
    client.modify(1, add(1))

    again = client.session.restart_update()
    client.finish(5, dict.fromkeys(again, b"1"))

    [transition] = client.received()
    assert list(again) == [0, 1]
    assert transition["endVersion"] == version(2, 1, 5)
    assert not client.session.wants_update


def test_update_that_was_not_begun_cannot_start_again() -> None:
    client = Client()

    with pytest.raises(ProtocolError, match="restart_update"):
        client.session.restart_update()


def test_closed_conversation_has_nothing_to_start_again() -> None:
    client = Client()
    client.modify(0, add(0))
    client.session.begin_update()

    client.session.close()

    assert client.session.restart_update() == {}
    assert client.session.stale_queries() == {}
