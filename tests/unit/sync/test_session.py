"""The conversation with one client: how it begins and ends."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.errors import ProtocolError
from realtime.sync.messages import encode_timestamp
from tests.unit.sync.session_client import SERVER_TIME_NS, SESSION_ID, Client, add, success


def test_a_new_socket_has_nothing_to_do() -> None:
    client = Client()

    assert client.work() == []
    assert client.received() == []
    assert not client.session.wants_update
    assert not client.session.owes_transition
    assert not client.session.is_closed
    assert client.session.session_id is None
    assert client.session.identity == "nobody"


def test_connect_tells_who_the_client_is_and_what_it_saw() -> None:
    client = Client()

    client.send(
        type="Connect",
        sessionId=SESSION_ID,
        connectionCount=2,
        lastCloseReason=None,
        maxObservedTimestamp=encode_timestamp(2**63 - 1),
    )

    assert client.session.session_id == SESSION_ID
    assert client.session.max_observed_timestamp == 2**63 - 1
    assert not client.session.wants_update


def test_the_clock_skew_is_positive_if_the_client_is_ahead() -> None:
    client = Client()
    client.send(type="Connect", sessionId=SESSION_ID, clientTs=1_763_800_000_130)

    client.modify(0)

    [transition] = client.synced(1)
    assert transition["clientClockSkew"] == 7
    assert transition["serverTs"] == SERVER_TIME_NS


@pytest.mark.parametrize("client_ts", [None, 0, 1e300])
def test_the_clock_skew_is_null_if_the_client_does_not_know_the_time(client_ts: Any) -> None:
    client = Client()
    client.send(type="Connect", sessionId=SESSION_ID, clientTs=client_ts)

    client.modify(0)

    assert client.synced(1)[0]["clientClockSkew"] is None


def test_a_second_connect_is_refused() -> None:
    client = Client()
    client.send(type="Connect", sessionId=SESSION_ID)

    with pytest.raises(ProtocolError, match="one `Connect`"):
        client.send(type="Connect", sessionId=SESSION_ID.replace("a", "b"))

    assert client.session.session_id == SESSION_ID


def test_a_connect_with_a_malformed_timestamp_changes_nothing() -> None:
    client = Client()

    with pytest.raises(ProtocolError, match="Expected a timestamp"):
        client.send(type="Connect", sessionId=SESSION_ID, maxObservedTimestamp="soon")

    assert client.session.session_id is None
    client.send(type="Connect", sessionId=SESSION_ID)


@pytest.mark.parametrize("is_rejected", [True, False])
def test_a_closed_session_ignores_everything(is_rejected: bool) -> None:
    client = Client()
    client.modify(0, add(0))
    client.mutate(0)
    client.send(type="Action", requestId=1, udfPath="a:run", args=[])
    client.session.begin_update()
    client.authenticate(0)
    if is_rejected:
        client.session.authentication_failed("no")
        client.received()
    else:
        client.session.close()

    client.finish(50, {})
    client.session.query_invalidated(0)
    client.session.mutation_finished(0, success(60))
    client.session.action_finished(1, success(60))
    client.session.authenticated("ann")
    client.session.authentication_failed("no")
    client.session.identity_expired("no")
    client.session.socket_drained()
    client.modify(9, add(0))

    assert client.session.begin_update() == {}
    assert client.session.is_closed
    assert not client.session.wants_update
    assert not client.session.owes_transition
    assert (client.received(), client.work()) == ([], [])
    assert client.session.identity == "nobody"


def test_a_session_may_be_closed_again() -> None:
    client = Client()
    client.authenticate(0)
    client.session.authentication_failed("no")

    client.session.close()

    assert client.session.is_closed
    assert client.received() == []


def test_closing_drops_what_was_ready() -> None:
    client = Client()
    client.modify(0, add(0))
    client.mutate(0)
    client.update(70)
    client.session.mutation_finished(0, success(70))

    client.session.close()

    assert (client.received(), client.work()) == ([], [])


def test_an_event_changes_nothing() -> None:
    client = Client()

    client.send(type="Event", eventType="ClientConnect", event=[{"name": "x"}])

    assert (client.received(), client.work()) == ([], [])
    assert not client.session.wants_update
