"""Serializability: whatever is interleaved, every answer is that of a plain model in commit order.

`Histories` interleaves the steps of mutations, nested calls that fail, batches that are committed
while a mutation is suspended, rows and COMMITs that are refused, restarts and clocks that jump.
After each end of a batch everything is read back through every index in both directions.
`CachedReads` reads and commits at random, once with the hot cache and once without.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from realtime.database.committer import Batch
from realtime.database.database import Database, DatabaseLimits
from realtime.database.index_range import compile_range
from realtime.database.snapshot import Snapshot
from realtime.errors import OverloadedError, StorageFullError
from realtime.testing import VirtualClock
from realtime.values.index_key import encode_key
from tests.unit.database.history import (
    SCHEMA,
    TABLES,
    WRITES,
    Draws,
    MutationRun,
    Run,
    bodies,
    commit_mutations,
    few_writes,
    indexes_of,
    open_store,
    tables,
    write_kinds,
    write_something,
)
from tests.unit.database.model import Effects, Model, Range
from tests.unit.database.small_database import CHUNK

EXAMPLES = settings().max_examples

counts = st.integers(1, 4)
STEPS = [
    *["write"] * 6,
    *["read on"] * 4,
    *["open a scan"] * 2,
    "read a range",
    "get",
    *["nested call"] * 3,
    "begin a nested call",
    "end a nested call",
]
EVENTS = [*["go on"] * 4, *["end the mutation"] * 4, *["commit"] * 2, "restart", "checkpoint"]
ends = st.sampled_from([*["with success"] * 6, "with an error of its handler", "with refused rows"])
refusals = st.sampled_from([*[None] * 6, StorageFullError, OverloadedError])


class Histories(RuleBasedStateMachine):
    """One history of mutations, on the store in memory."""

    uses_file = False

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp()) if self.uses_file else None
        self.store = open_store(self.directory)
        self.clock = VirtualClock()
        self.database = self.open()
        self.committed = Model({}, {"items": 10_001, "others": 10_002})
        self.batch: Batch | None = None
        self.finished = self.committed
        """The committed state and the finished mutations of the open batch."""
        self.run: MutationRun | None = None
        self.kinds: Sequence[str] = WRITES
        """What the mutation at hand writes."""

    def open(self) -> Database:
        return Database(self.store, SCHEMA, self.clock, DatabaseLimits())

    def teardown(self) -> None:
        self.database.close()
        self.store.close()
        if self.directory is not None:
            shutil.rmtree(self.directory)

    @property
    def mutation(self) -> MutationRun:
        assert self.run is not None
        return self.run

    # A mutation's steps

    @initialize(documents=st.lists(st.tuples(tables, bodies), max_size=8))
    def begin_with_documents(self, documents: list[tuple[str, dict[str, Any]]]) -> None:
        self.begin_mutation()
        for table, fields in documents:
            self.mutation.insert(table, fields)
        self.finish_mutation(ends="with success", slice_rows=3, refuse_after=1)
        self.commit(refusal=None)

    def begin_mutation(self) -> None:
        if self.batch is None:
            self.batch = self.database.committer.begin(self.database.catalog)
        self.run = MutationRun(self.database.begin_mutation(self.batch), self.finished)

    # One rule for all: Hypothesis would leave some of several rules out of whole histories.
    @rule(data=st.data(), event=st.sampled_from(EVENTS), jump=st.sampled_from([0, 0, 1, -3_600]))
    def go_on(self, data: st.DataObject, event: str, jump: int) -> None:
        """Whatever comes next; the clock may have jumped meanwhile."""
        self.clock.advance(jump)
        draws = Draws(data)
        if event == "end the mutation" and self.run is not None:
            self.end_mutation(draws)
        elif event == "commit" and self.batch is not None:
            self.commit(draws.draw(refusals))
        elif event in ("restart", "checkpoint") and self.batch is None:
            self.happens_between_batches(event, draws)
        else:
            self.take_steps(draws)

    def take_steps(self, draws: Draws) -> None:
        """Go on with the mutation at hand, or begin one."""
        if self.run is None:
            self.begin_mutation()
            self.kinds = draws.draw(write_kinds)
        for _ in range(draws.draw(st.integers(1, 8))):
            self.take_step(draws, draws.one_of(STEPS))

    def take_step(self, draws: Draws, step: str) -> None:
        run = self.mutation
        match step:
            case "write":
                write_something(draws, run, self.kinds)
            case "get":
                run.get(draws.document_id(run.view))
            case "read a range":
                run.read_all(draws.range(run.view))
            case "open a scan":
                run.open_scan(draws.range(run.view))
                self.read_on(draws)
            case "read on":
                self.read_on(draws)
            case "begin a nested call":
                run.open_layer()
            case "nested call":
                run.open_layer()
                for _ in range(draws.draw(st.integers(1, 3))):
                    self.take_step(draws, draws.one_of(["write", "write", "nested call", "get"]))
                run.close_layer(fails=draws.draw(st.booleans()))
            case _ if run.depth:
                run.close_layer(fails=draws.draw(st.booleans()))
            case _:
                pass

    def read_on(self, draws: Draws) -> None:
        positions = self.mutation.open_scans()
        if positions:
            count, many = draws.draw(counts), draws.draw(st.booleans())
            self.mutation.read_on(draws.one_of(positions), count, many=many)

    # Its end, and that of its batch

    def end_mutation(self, draws: Draws) -> None:
        self.finish_mutation(draws.draw(ends), draws.draw(st.integers(1, 3)), draws.draw(counts))
        if self.batch is not None and draws.draw(st.booleans()):
            self.commit(draws.draw(refusals))

    def finish_mutation(self, ends: str, slice_rows: int, refuse_after: int) -> None:
        """End the mutation; others may follow in the same batch."""
        run, self.run = self.mutation, None
        while run.depth:
            run.close_layer(fails=False)
        writes = run.transaction.write_set
        assert writes is not None
        assert self.batch is not None
        if ends == "with an error of its handler":
            return
        if not writes:
            assert run.effects() == Effects()
            return
        if ends == "with refused rows":
            self.store.refuse_after = refuse_after
        committer = self.database.committer
        try:
            rows = writes.row_writes()
            while len(rows) > slice_rows:
                committer.add(self.batch, writes, rows[:slice_rows], is_last=False)
                rows = rows[slice_rows:]
            committer.add(self.batch, writes, rows)
        except StorageFullError:
            self.drop_batch()
        else:
            self.batch.last_timestamp = committer.next_timestamp()
            self.finished = run.view

    def commit(self, refusal: type[OverloadedError] | None) -> None:
        """Commit the finished mutations; one that is suspended goes on in the next batch."""
        batch, self.batch = self.batch, None
        assert batch is not None
        committer = self.database.committer
        if batch.is_empty:
            committer.roll_back()
        else:
            committer.seal(batch, batch.last_timestamp, self.database.allocator.last_creation_time)
            try:
                self.store.before_commit = None if refusal is None else lambda: _refuse(refusal)
                committer.commit()
            except OverloadedError:
                self.drop_batch()
                return
            finally:
                self.store.before_commit = None
            assert self.database.durable < batch.last_timestamp
            self.database.advance(batch, batch.last_timestamp)
            assert self.database.durable == batch.last_timestamp
        self.committed = self.finished
        self.check_everything()
        if self.run is not None:
            self.batch = committer.begin(self.database.catalog)

    def drop_batch(self) -> None:
        """A batch has failed: nothing of it is left, its members would run again."""
        self.database.committer.roll_back()
        self.batch = self.run = None
        self.finished = self.committed
        self.check_everything()

    def happens_between_batches(self, event: str, draws: Draws) -> None:
        if event == "restart":
            self.database.close()
            self.database = self.open()
            self.check_everything()
            return
        generations = self.database.generations
        generations.make_way_for_checkpoint(draws.one_of([0, 2**30]))
        generations.resume_after_checkpoint(is_complete=self.store.checkpoint())

    def check_everything(self) -> None:
        """Read all there is through every index in both directions, at the newest commit."""
        transaction = self.database.begin_query(self.database.generations.current)
        for chunk in (CHUNK, 100):  # one that reads on and on, and one that fills the cache
            run = Run(transaction, self.committed, chunk)
            for table in TABLES:
                for index, fields in indexes_of(table).items():
                    for descending in (False, True):
                        run.read_all(Range(table, index, fields, descending=descending))
        for document_id in self.committed.documents:
            run.get(document_id)


class HistoriesInAFile(Histories):
    """The same on the store in a file."""

    uses_file = True


def _refuse(error: type[OverloadedError]) -> None:
    raise error("As the test wants")


class CachedReads(RuleBasedStateMachine):
    """Commits, and reads of the newest one: with the hot cache and without it."""

    def __init__(self) -> None:
        super().__init__()
        self.store = open_store(None)
        self.database: Database
        self.committed = Model({}, {"items": 10_001, "others": 10_002})
        self.asked: list[Range] = []

    def teardown(self) -> None:
        self.database.close()
        self.store.close()

    @initialize(
        capacity=st.sampled_from([3_000, 1_000_000]), documents=st.lists(bodies, max_size=10)
    )
    def open(self, capacity: int, documents: list[dict[str, Any]]) -> None:
        """Open the database with room for a few prefixes, so that they are evicted, or for all."""

        def insert_all(run: MutationRun) -> None:
            for fields in documents:
                run.insert("items", fields)

        limits = DatabaseLimits(hot_cache_bytes=capacity)
        self.database = Database(self.store, SCHEMA, VirtualClock(), limits)
        self.committed, _ = commit_mutations(self.database, self.committed, [insert_all])

    @rule(data=st.data(), event=st.sampled_from(["commit", "read", "read again", "get"]))
    def go_on(self, data: st.DataObject, event: str) -> None:
        draws = Draws(data)
        if event == "commit":
            self.commit(draws)
        elif event == "get":
            self.get(draws.document_id(self.committed))
        elif event == "read again" and self.asked:
            self.read(draws, draws.one_of(self.asked))
        else:
            self.asked.append(draws.range(self.committed))
            self.read(draws, self.asked[-1])

    def read(self, draws: Draws, within: Range) -> None:
        """Read a range in several ways: with its bounds and without, in both directions."""
        for _ in range(6):
            bounds = draws.one_of([within.bounds, ()])
            way = replace(within, bounds=bounds, descending=draws.draw(st.booleans()))
            self.compare(way, draws.one_of([1, 2, 3, 100]))

    def commit(self, draws: Draws) -> None:
        mutations = [few_writes(draws) for _ in range(draws.draw(st.integers(1, 2)))]
        self.committed, _ = commit_mutations(self.database, self.committed, mutations)
        for within in self.asked[-5:]:
            for limit in (2, 100):
                self.compare(within, limit)
                self.compare(replace(within, descending=not within.descending), limit)

    def get(self, document_id: str) -> None:
        key = encode_key(document_id)
        for _ in range(2):
            cached, plain = (snapshot.get(key) for snapshot in self.snapshots())
            assert (cached and cached.document) == (plain and plain.document)

    def compare(self, within: Range, limit: int) -> None:
        table = self.database.catalog.tables.get(within.table)
        if table is None:
            return
        transaction = self.database.begin_query(self.database.generations.current)
        index = transaction.index(table, within.index)
        interval = compile_range(table, index, within.equals, within.bounds)
        first, second = (
            [
                (key, record.locator, record.document)
                for key, record in snapshot.scan(
                    index,
                    interval,
                    interval.lower,
                    interval.upper,
                    descending=within.descending,
                    limit=limit,
                )
            ]
            for snapshot in self.snapshots()
        )
        assert first == second

    def snapshots(self) -> tuple[Snapshot, Snapshot]:
        """The newest commit, with the cache and without it."""
        reader = self.database.generations.current.reader
        return Snapshot(reader, self.database.hot_cache, lambda: True), Snapshot(reader)

    @invariant()
    def cache_is_within_its_bounds(self) -> None:
        size_bytes = self.database.hot_cache.size_bytes
        assert 0 <= size_bytes <= self.database.limits.hot_cache_bytes


def quick(examples: int, steps: int) -> settings:
    """Settings of one machine; `examples` of 100 in a quick run, more where the profile says so."""
    return settings(
        max_examples=max(1, EXAMPLES * examples // 100),
        stateful_step_count=steps,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow],
    )


TestHistories = Histories.TestCase
TestHistories.settings = quick(60, 40)

TestHistoriesInAFile = HistoriesInAFile.TestCase
TestHistoriesInAFile.settings = quick(30, 40)

TestCachedReads = CachedReads.TestCase
TestCachedReads.settings = quick(100, 30)
