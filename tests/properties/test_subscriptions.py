"""Invalidation: a query hears of the commits that changed what it read, and of no others.

The first property is about the index of subscriptions alone: it finds what a plain look at every
interval finds, and that is what comparing values finds. `HeldQueries` is about whole queries: one
that keeps its snapshot while commits go on sees its own moment, and its token, registered whenever,
is found to be stale exactly if a commit since then touched what it had read.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from realtime.database.catalog import BY_ID, Catalog, id_entry
from realtime.database.commit_log import CommitLog
from realtime.database.database import Database, DatabaseLimits
from realtime.database.generations import MAX_HELD_GENERATIONS, HoldLimits, SharedGeneration
from realtime.database.index_range import by_id_index, compile_range
from realtime.database.interval import IndexEntry
from realtime.database.limits import TransactionLimits
from realtime.database.read_set import ReadSet
from realtime.database.subscriptions import Subscription, SubscriptionManager, Token
from realtime.database.timestamp import Timestamp
from realtime.errors import StorageFullError
from realtime.testing import VirtualClock
from realtime.values.ids import encode_id
from realtime.values.value import UNSET
from tests.unit.database.history import (
    SCHEMA,
    Draws,
    MutationRun,
    Run,
    bodies,
    commit_mutations,
    few_writes,
    open_store,
    tables,
)
from tests.unit.database.model import (
    Document,
    DocumentRead,
    Effects,
    Model,
    Range,
    Read,
    ScanRead,
    Touched,
)
from tests.unit.database.small_database import CHUNK

EXAMPLES = settings().max_examples
EVENTS = [*["commit"] * 6, *["begin"] * 5, *["read on"] * 4, *["register"] * 4]
EVENTS += ["unsubscribe", "checkpoint"]

few = st.integers(1, 3)
passing_seconds = st.sampled_from([*[0] * 40, 1, 16])

# The index of subscriptions

TABLE = Catalog({}, 1).new_table("items", SCHEMA.tables["items"])


def entry(within: Range, document: Document) -> IndexEntry:
    """The entry of a document in the index of a range."""
    if within.index == "by_id":
        return id_entry(document["_id"])
    return TABLE.indexes[within.index].entry(document)


def read_something(draws: Draws, read_set: ReadSet, model: Model) -> Read:
    """Look a document up, or read a range: none of it, a part, or all."""
    if draws.draw(st.booleans()):
        document_id = draws.document_id(model)
        read_set.add_point(BY_ID, id_entry(document_id).key)
        return DocumentRead(document_id)
    within = draws.range(model, "items")
    index = by_id_index(TABLE) if within.index == "by_id" else TABLE.indexes[within.index]
    interval = compile_range(TABLE, index, within.equals, within.bounds)
    read_range = read_set.add_range(interval, descending=within.descending)
    read = ScanRead(within)
    found = model.read(within)
    count = draws.draw(st.integers(0, len(found)))
    for document in found[:count]:
        read.last = document
        read_range.reach(entry(within, document).key)
    if count == len(found) and draws.draw(st.booleans()):
        read.is_finished = True
        read_range.reach_end()
    return read


@settings(max_examples=EXAMPLES * 4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(bodies, min_size=1, max_size=8), st.data())
def test_index_finds_what_a_plain_look_at_every_interval_finds(
    fields: list[Document], data: st.DataObject
) -> None:
    documents = [
        {
            **{name: value for name, value in each.items() if value is not UNSET},
            "_id": encode_id(TABLE.number, bytes([position] * 16)),
            "_creationTime": float(position // 2),
        }
        for position, each in enumerate(fields)
    ]
    model = Model({each["_id"]: ("items", each) for each in documents}, {"items": TABLE.number})
    manager = SubscriptionManager(CommitLog(Timestamp(0)))
    draws = Draws(data)
    reads: dict[Subscription, list[Read]] = {}
    for _ in range(draws.draw(st.integers(1, 8))):
        read_set = ReadSet(TransactionLimits())
        run = [read_something(draws, read_set, model) for _ in range(draws.draw(few))]
        subscription = manager.subscribe(Token(read_set.intervals(), Timestamp(0)), lambda: None)
        assert subscription is not None
        reads[subscription] = run
    for subscription in [each for each in reads if draws.one_of([False, False, False, True])]:
        manager.unsubscribe(subscription)
        del reads[subscription]

    for document in documents:
        entries = TABLE.entries(document)
        found = manager.touched_by(entries)

        assert len(found) == len(set(found))
        assert set(found) == {each for each in reads if holds_one_of(each, entries)}
        effects = Effects((Touched(document["_id"], "items", None, document),))
        assert set(found) == {
            each for each, run in reads.items() if any(read.is_changed_by(effects) for read in run)
        }

    written = draws.draw(st.lists(st.sampled_from(documents), max_size=3))
    entries = tuple(each for document in written for each in TABLE.entries(document))
    touched = {each for each in reads if holds_one_of(each, entries)}
    assert manager.invalidate(entries) == len(touched)
    assert {each for each in reads if not each.is_open} == touched
    assert manager.count == len(reads) - len(touched)
    assert manager.touched_by(entries) == []


def holds_one_of(subscription: Subscription, entries: tuple[IndexEntry, ...]) -> bool:
    """Whether one of the intervals holds one of the entries: the plain look."""
    return any(
        interval.index_id == entry.index_id and interval.contains(entry.key)
        for interval in subscription.token.intervals()
        for entry in entries
    )


# Queries that keep their snapshot


class Watched:
    """A registered token: what was read, and how often its owner was told."""

    def __init__(self, database: Database, run: Run) -> None:
        self.reads = run.reads
        self.calls = 0
        self.subscription = database.subscriptions.subscribe(run.transaction.token(), self._count)

    @property
    def opened(self) -> Subscription:
        """The subscription, which was not refused."""
        assert self.subscription is not None
        return self.subscription

    def _count(self) -> None:
        self.calls += 1


class Held:
    """A query that keeps its generation, and what was committed since."""

    def __init__(self, run: Run, generation: SharedGeneration, since: list[Effects]) -> None:
        self.run = run
        self.generation = generation
        self.since = since

    @property
    def is_stale(self) -> bool:
        """Whether a commit since then touched what was read."""
        return any(read.is_changed_by(each) for read in self.run.reads for each in self.since)


class HeldQueries(RuleBasedStateMachine):
    """Queries on held generations between commits, on the store in memory."""

    uses_file = False

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp()) if self.uses_file else None
        self.store = open_store(self.directory)
        self.clock = VirtualClock()
        self.database = Database(self.store, SCHEMA, self.clock, DatabaseLimits())
        self.committed = Model({}, {"items": 10_001, "others": 10_002})
        self.held: list[Held] = []
        self.watched: list[Watched] = []
        self.asked: list[Range] = []

    def teardown(self) -> None:
        self.database.close()
        self.store.close()
        if self.directory is not None:
            shutil.rmtree(self.directory)

    @initialize(documents=st.lists(st.tuples(tables, bodies), max_size=8))
    def begin_with_documents(self, documents: list[tuple[str, Document]]) -> None:
        def insert_all(run: MutationRun) -> None:
            for table, fields in documents:
                run.insert(table, fields)

        self.committed, _ = commit_mutations(self.database, self.committed, [insert_all])

    # One rule for all: Hypothesis would leave some of several rules out of whole histories.
    @rule(data=st.data(), event=st.sampled_from(EVENTS), seconds=passing_seconds)
    def go_on(self, data: st.DataObject, event: str, seconds: int) -> None:
        """Whatever comes next, and time passes."""
        self.clock.advance(seconds)
        draws = Draws(data, self.preferred())
        match event:
            case "commit":
                self.commit(draws)
            case "begin":
                self.begin_query(draws)
            case "checkpoint":
                self.checkpoint(draws)
            case "unsubscribe" if self.watched:
                self.unsubscribe(draws)
            case "register" if self.held:
                self.register(self.held.pop(draws.draw(st.integers(0, len(self.held) - 1))))
            case _ if self.held:
                self.read_on(draws, draws.one_of(self.held).run)
            case _:
                self.begin_query(draws)

    def read_on(self, draws: Draws, run: Run) -> None:
        """A few reads of a query, often of what others have read."""
        for _ in range(draws.draw(st.integers(1, 3))):
            event = draws.one_of(["get", "open", "read on", "read on", "read on", "read all"])
            if event == "get":
                run.get(draws.document_id(run.view))
            elif event == "read on" and run.scans:
                position = draws.draw(st.integers(0, len(run.scans) - 1))
                run.read_on(position, draws.draw(few), many=draws.draw(st.booleans()))
            else:
                within = draws.range(run.view)
                if self.asked and draws.draw(st.booleans()):
                    within = draws.one_of(self.asked)
                self.asked.append(within)
                (run.read_all if event == "read all" else run.open_scan)(within)

    def preferred(self) -> list[str]:
        """The documents at which the queries that are open or watched have stopped."""
        reads = [*(held.run.reads for held in self.held), *(each.reads for each in self.watched)]
        return [
            read.last["_id"]
            for each in reads
            for read in each
            if isinstance(read, ScanRead) and read.last is not None
        ]

    def commit(self, draws: Draws) -> None:
        """Commit, or fail to; whoever read what changed is told, and nobody else."""
        is_refused = draws.one_of([*[False] * 5, True])
        self.store.before_commit = _refuse if is_refused else None
        mutations = [few_writes(draws) for _ in range(draws.draw(st.integers(1, 2)))]
        before = {id(each): each.calls for each in self.watched}
        self.committed, effects = commit_mutations(self.database, self.committed, mutations)
        assert not (is_refused and effects)
        for each in list(self.watched):
            is_touched = any(
                read.is_changed_by(effect) for read in each.reads for effect in effects
            )
            assert each.calls - before[id(each)] == int(is_touched)
            if is_touched:
                assert not each.opened.is_open
                self.watched.remove(each)
        for held in self.held:
            held.since += effects
        if effects:
            self.drop_closed(ends_at=self.clock.monotonic_seconds() - HoldLimits().seconds)

    def drop_closed(self, ends_at: float) -> None:
        """Forget the queries whose holds began before `ends_at`: those, and only those, ended."""
        for held in list(self.held):
            assert held.generation.is_closed == (held.generation.held_since < ends_at)
            if held.generation.is_closed:
                self.database.generations.release(held.generation)
                self.held.remove(held)

    def checkpoint(self, draws: Draws) -> None:
        """Make way for a checkpoint: a log at its limit ends all holds."""
        is_at_limit = draws.one_of([False, False, False, True])
        generations = self.database.generations
        generations.make_way_for_checkpoint(HoldLimits().wal_bytes if is_at_limit else 0)
        assert not generations.try_hold(generations.current, 0.0)
        self.drop_closed(ends_at=float("inf") if is_at_limit else float("-inf"))
        generations.resume_after_checkpoint(is_complete=self.store.checkpoint())

    def begin_query(self, draws: Draws) -> None:
        """Begin a query at the newest commit, or where another one is held already.

        Without a free hold it runs to its end at once.
        """
        generations = self.database.generations
        other = draws.one_of(self.held) if self.held and draws.one_of([0, 0, 0, 1]) else None
        generation = generations.current if other is None else other.generation
        view = self.committed if other is None else other.run.view
        chunk = draws.one_of([CHUNK, 100])
        run = Run(self.database.begin_query(generation), view, chunk)
        taken = {id(held.generation) for held in self.held}
        is_held = generations.try_hold(generation, self.clock.monotonic_seconds())
        assert is_held == (id(generation) in taken or len(taken) < MAX_HELD_GENERATIONS)
        self.read_on(draws, run)
        if is_held:
            since = [] if other is None else list(other.since)
            self.held.append(Held(run, generation, since))
        else:
            self.watch(run)

    def register(self, held: Held) -> None:
        """End a query and register what it read, however much was committed since."""
        is_stale = held.is_stale
        watched = Watched(self.database, held.run)
        assert (watched.subscription is None) == is_stale
        if not is_stale:
            self.watched.append(watched)
        self.database.generations.release(held.generation)

    def watch(self, run: Run) -> None:
        """Register what a query read in this turn: nothing can have changed."""
        watched = Watched(self.database, run)
        assert watched.opened.is_open
        self.watched.append(watched)

    def unsubscribe(self, draws: Draws) -> None:
        """Stop watching; the one that is gone is not told any more."""
        gone = self.watched.pop(draws.draw(st.integers(0, len(self.watched) - 1)))
        self.database.subscriptions.unsubscribe(gone.opened)

    @invariant()
    def as_many_are_subscribed_as_are_watched(self) -> None:
        assert self.database.subscriptions.count == len(self.watched)


class HeldQueriesInAFile(HeldQueries):
    """The same on the store in a file."""

    uses_file = True


def _refuse() -> None:
    raise StorageFullError("As the test wants")


def quick(examples: int, steps: int) -> settings:
    """Settings of one machine; `examples` of 100 in a quick run, more where the profile says so."""
    return settings(
        max_examples=max(1, EXAMPLES * examples // 100),
        stateful_step_count=steps,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow],
    )


TestHeldQueries = HeldQueries.TestCase
TestHeldQueries.settings = quick(80, 40)

TestHeldQueriesInAFile = HeldQueriesInAFile.TestCase
TestHeldQueriesInAFile.settings = quick(40, 40)
