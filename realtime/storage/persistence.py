"""The border between the engine and whatever keeps its bytes.

A `Persistence` holds documents (bytes under an integer *locator*), index entries (ordered key
bytes that lead to a locator), the catalog of tables and indexes, one revision a batch, and the
stored answers of requests. It knows no schema, no value and no user: keys come in encoded, and
documents are opaque text.

There is one writer, one transaction at a time. The engine reads and writes it through `engine`
and the `write_*` methods; everyone else reads through a `Generation`, a snapshot that does not
move while the engine goes on. All methods but `commit`, `checkpoint` and `truncate_log` are short
and belong to the event-loop thread; these three wait for the disk and may run in the committer's
thread, and from their start to their end nobody may use the engine side (asserted). Generations
may be opened, read and closed all the while.

What a transaction wrote is seen by `engine` at once, by generations opened after `commit` has
returned, and by nobody if it was rolled back. Any error that a `write_*` method raises has ended
the transaction: nothing of it is kept.

An engine across a network would have to implement the same: ordered keys, ranges, snapshots and
one sequence of commits. Nothing above `storage/` may know which one it runs on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from realtime.storage.records import (
    IndexRow,
    Recovered,
    RequestRecord,
    Revision,
    RowWrite,
    StoredRow,
    TableRow,
    TableView,
)

GENERATION_LIMIT: Final = 5
"""How many generations can be open at a time."""

CHECKPOINT_AT_BYTES: Final = 16 * 2**20
"""`wal_size_bytes()` from which a checkpoint is worth its cost (4 096 pages)."""

FOREIGN_WRITE: Final = (
    "Another program has written to the data file while the server was running; stop that program"
)
"""The text of the UnavailableError that says so."""


class Reader(Protocol):
    """Reads documents through an index."""

    def scan(
        self, index_id: int, lower: bytes, upper: bytes | None, *, descending: bool, limit: int
    ) -> list[StoredRow]:
        """Return the first rows of a range of keys, in key order or its reverse.

        Args:
            index_id: the index whose entries are read; an unknown one is empty.
            lower: the smallest key of the range, included; b"" for no bound.
            upper: the end of the range, excluded; None for no bound.
            descending: begin at the upper end.
            limit: the most rows to return, at least 1. Fewer mean that the range is used up.

        Raises:
            CorruptionError: a document is not what was written, or is missing.
            StorageError: the storage failed.
        """
        ...


class Generation(Reader, Protocol):
    """A reader whose snapshot does not move, however many transactions commit meanwhile.

    One of `GENERATION_LIMIT`, so it must be closed. It belongs to the event-loop thread.
    """

    @property
    def timestamp(self) -> int:
        """Return the timestamp of the newest revision in the snapshot."""
        ...

    def close(self) -> None:
        """End the snapshot; a second call does nothing, a scan after it is a mistake."""
        ...


class Persistence(Protocol):
    """An open store; see the module for who may call what, when."""

    @property
    def engine(self) -> Reader:
        """Return the writer's reader: the newest state, the open transaction included."""
        ...

    @property
    def in_transaction(self) -> bool:
        """Return whether a transaction is open."""
        ...

    def recover(self) -> Recovered:
        """Return what the store holds, read from its contents."""
        ...

    def begin(self) -> None:
        """Open the transaction. None may be open (asserted).

        Raises:
            OverloadedError: another program is writing to the file; try again later.
            UnavailableError: another program has written to it since it was opened. The caller
                must stop serving.
            StorageError: the storage failed.
        """
        ...

    def write_rows(self, writes: Sequence[RowWrite]) -> None:
        """Apply `writes`, each of another document, as one step: all removals come first.

        Raises:
            StorageFullError: no room. The transaction has ended, nothing of it is kept.
            StorageError: the storage failed, or holds something that does not fit a write: the
                locator or key to add is there, or the one to change or remove is not. The
                transaction has ended.
        """
        ...

    def add_entries(self, entries: Sequence[tuple[int, bytes, int]]) -> None:
        """Add index entries (index id, key, locator) of documents that are there.

        Raises like `write_rows`; a key that is there already is an error.
        """
        ...

    def write_requests(self, records: Sequence[RequestRecord]) -> None:
        """Store the answers of requests, none of them stored before; raises like `write_rows`.

        Their timestamps are later than those of all that were stored before.
        """
        ...

    def find_request(self, session_id: str, request_id: int) -> RequestRecord | None:
        """Return a stored answer, also one of the open transaction."""
        ...

    def prune_requests(
        self, before_timestamp: int, keep_bytes: int, *, limit: int, limit_bytes: int
    ) -> int:
        """Delete the oldest answers, as far as they are too old or all are too many.

        Args:
            before_timestamp: answers from before it go.
            keep_bytes: the oldest go until all that is left takes at most this.
            limit: how many may go at most in this call.
            limit_bytes: how much they may take together, if they are more than one.

        Returns:
            How many were deleted. Raises like `write_rows`.
        """
        ...

    def write_catalog(self, tables: Sequence[TableRow], indexes: Sequence[IndexRow]) -> None:
        """Add tables and indexes with numbers and ids not in use; raises like `write_rows`."""
        ...

    def drop_index(self, index_id: int) -> None:
        """Take an index out of the catalog; its entries stay. Raises like `write_rows`.

        An unknown id does nothing.
        """
        ...

    def clear_index(self, index_id: int, limit: int) -> int:
        """Delete the first entries of an index, at most `limit`; raises like `write_rows`.

        Returns:
            How many were deleted; fewer than `limit` mean that none is left.
        """
        ...

    def write_unlisted_indexes(self, index_ids: Sequence[int]) -> None:
        """Set the ids of indexes that may have entries and are not in the catalog.

        They are being filled, or are being cleared; a start clears them. Raises like `write_rows`.
        """
        ...

    def write_views(self, views: Sequence[TableView], *, keep_others: bool) -> None:
        """Set what people see of tables; raises like `write_rows`.

        With `keep_others` the tables are new and all others stay; else these are all. A store
        into which nobody can look does nothing.
        """
        ...

    def write_schema_digest(self, digest: str) -> None:
        """Set the digest of the validated schema; raises like `write_rows`."""
        ...

    def write_secret(self, secret: bytes) -> None:
        """Keep the bytes from which the server derives its keys; raises like `write_rows`."""
        ...

    def write_revision(self, revision: Revision) -> None:
        """Record the batch; its last timestamp is not yet in use; raises like `write_rows`."""
        ...

    def commit(self) -> None:
        """Make the transaction durable: when this returns it is on disk.

        May run in another thread than the other methods.

        Raises:
            StorageFullError: no room. Nothing is committed; the transaction has ended.
            OverloadedError: the file is busy. The transaction is still open: commit again or
                roll back.
            StorageError: whether it is on disk is not known; the transaction has ended. The
                caller must stop serving, and find out by a restart.
        """
        ...

    def rollback(self) -> None:
        """Drop the open transaction (asserted); raises StorageError if that fails."""
        ...

    def open_generation(self, expected_timestamp: int) -> Generation | None:
        """Pin a snapshot of the newest committed state; None if `GENERATION_LIMIT` are open.

        Args:
            expected_timestamp: the newest revision as the caller knows it, 0 in a fresh store.

        Raises:
            UnavailableError: the newest revision is another one: somebody else wrote to the
                file, or it was exchanged. The caller must stop serving.
            StorageError: the storage failed.
        """
        ...

    def wal_size_bytes(self) -> int:
        """Return the size of the write-ahead log, 0 where there is none.

        Precise from `CHECKPOINT_AT_BYTES` on; below, the log may be reported larger than what
        is in use, because its file is kept.
        """
        ...

    def checkpoint(self) -> bool:
        """Move the log's contents into the file; return whether all of them were moved.

        Outside a transaction only (asserted). May run in another thread. False (a generation
        holds back a part, or there is no room) means: call again later, nothing is lost.

        **The order callers must keep.** A generation pins the log from the point where it was
        opened: what was committed later cannot be moved, and the log cannot be begun anew. So:

        1. `commit()`
        2. `open_generation()` at the new timestamp, then close the one before
        3. if `wal_size_bytes() >= CHECKPOINT_AT_BYTES`: `checkpoint()`, before the next `begin()`
        4. if it returned True: `open_generation()` once more and close the one of step 2, still
           before the next `begin()`

        The next commit then writes from the beginning of the log. Each step matters; measured
        with SQLite 3.40.1, 4 000 commits of 4 rows each, always one generation pinned, threshold
        15.6 MiB, largest log:

            1 2 3 4                                   15.7 MiB  (9 checkpoints, 9 complete)
            1 2 3, the generation not pinned anew    148.9 MiB  growing (all complete, no reset)
            1 3 2: the checkpoint before the pin     148.9 MiB  growing (none complete)

        A further generation that is held over from before step 2 makes step 3 return False for as
        long as it is open, as does one that was opened between step 4 and the next commit; one
        opened before step 3 and held on prevents the reset. While holds overlap without a gap the
        log grows: at its limit the caller must close all held generations, take steps 3 and 4, and
        only then give out new ones. Measured with 6 000 commits and holds of 500 commits each:

            a new hold before the old one ends    153.5 MiB  growing
            the same, all ended at 48 MiB          48.0 MiB
        """
        ...

    def truncate_log(self) -> bool:
        """Cut the log to nothing; return whether that was possible.

        Takes the place of step 4's next commit: after a complete checkpoint and a new pin, with
        no other generation open. Otherwise it does nothing and returns False. Outside a
        transaction only (asserted). May run in another thread.
        """
        ...

    def foreign_write_seen(self) -> bool:
        """Return whether another program has written to the file since it was opened."""
        ...

    def close(self) -> None:
        """Drop an open transaction, close all generations and the file; idempotent."""
        ...
