"""What is measured: the cases of the chat workload, full and quick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["mutations", "push", "unaffected", "idle", "continuous", "start"]
GROUPS: tuple[Group, ...] = ("mutations", "push", "unaffected", "idle", "continuous", "start")

LIST_SIZE = 50
UNAFFECTED_CLIENTS = 10
BURST = 10


@dataclass(frozen=True)
class Case:
    """One load. `size` is what varies inside its group; the line is measured beside it or not."""

    group: Group
    name: str
    size: int
    load: tuple[str, ...] = ()
    has_live_list: bool = False
    has_line: bool = False
    pinnings: tuple[bool, ...] = (True, False)


@dataclass(frozen=True)
class Sizes:
    """How much of each load, and how long."""

    seconds: float
    warmup: float
    clients: tuple[int, ...]
    list_size: int
    subscribers: tuple[int, ...]
    unaffected: tuple[int, ...]
    connections: int
    start_repetitions: int
    pinnings: tuple[bool, ...]


FULL = Sizes(
    seconds=5.0,
    warmup=1.0,
    clients=(1, 10, 100),
    list_size=LIST_SIZE,
    subscribers=(1, 100, 1000),
    unaffected=(0, 1000, 10_000),
    connections=1000,
    start_repetitions=5,
    pinnings=(True, False),
)
QUICK = Sizes(
    seconds=0.4,
    warmup=0.1,
    clients=(10,),
    list_size=10,
    subscribers=(50,),
    unaffected=(0, 100),
    connections=50,
    start_repetitions=1,
    pinnings=(False,),
)


def cases(sizes: Sizes) -> list[Case]:
    """Return every case in the order in which it is measured."""
    timing = ("--seconds", str(sizes.seconds), "--warmup", str(sizes.warmup))
    return [
        *_mutation_cases(sizes, timing),
        *_push_cases(sizes, timing),
        *_unaffected_cases(sizes, timing),
        *_idle_cases(sizes),
        Case("continuous", "continuous pushes", sizes.subscribers[-1], pinnings=(False,)),
        Case("start", "import and start", 0, pinnings=(False,)),
    ]


def _mutation_cases(sizes: Sizes, timing: tuple[str, ...]) -> list[Case]:
    made: list[Case] = []
    for has_live_list in (False, True):
        for clients in sizes.clients:
            mean = sizes.list_size if has_live_list else 0
            load = ("mutations", "--clients", str(clients), "--mean-list-size", str(mean), *timing)
            who = "1 client" if clients == 1 else f"{clients} clients"
            name = f"{who}{', live list' if has_live_list else ''}"
            made.append(Case("mutations", name, clients, load, has_live_list, True, sizes.pinnings))
    return made


def _subscribers(count: int) -> str:
    return "1 subscriber" if count == 1 else f"{count} subscribers"


def _push_cases(sizes: Sizes, timing: tuple[str, ...]) -> list[Case]:
    base = ("fanout", *timing, "--subscribers")
    made = [
        Case("push", _subscribers(count), count, (*base, str(count)), pinnings=sizes.pinnings)
        for count in sizes.subscribers
    ]
    largest = sizes.subscribers[-1]
    load = (*base, str(largest), "--changes", str(BURST))
    name = f"{_subscribers(largest)}, {BURST} changes at once"
    return [*made, Case("push", name, largest, load, pinnings=sizes.pinnings)]


def _unaffected_cases(sizes: Sizes, timing: tuple[str, ...]) -> list[Case]:
    # Every case makes the same number of sessions, so that only the subscriptions differ.
    sessions = max(sizes.unaffected)
    base = ("mutations", "--clients", str(UNAFFECTED_CLIENTS), *timing)
    return [
        Case(
            "unaffected",
            f"{count} unaffected",
            count,
            (*base, "--unaffected", str(count), "--unaffected-sessions", str(sessions)),
            pinnings=sizes.pinnings,
        )
        for count in sizes.unaffected
    ]


def _idle_cases(sizes: Sizes) -> list[Case]:
    load = ("idle", "--connections", str(sizes.connections))
    return [
        Case("idle", "own list each", sizes.connections, load, pinnings=(False,)),
        Case("idle", "one list for all", sizes.connections, (*load, "--shared"), pinnings=(False,)),
    ]
