"""One run of one function: its context, its nested calls, its result.

The handler is a coroutine, driven by `send(None)` on the loop's thread. Reads happen inline, so
most runs never suspend; a long scan yields `SUSPEND`, which passes through here to whoever drives
the run. Anything else that a handler yields is an await of something that is not ours, and ends
it.

A run is made for one transaction. To repeat it, make another.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from random import Random
from typing import Any

from realtime.database.catalog import TableInfo
from realtime.database.record import Record
from realtime.database.transaction import Transaction
from realtime.errors import ApplicationError, DefinitionError, ValidationError
from realtime.runtime.call_checks import (
    check_awaited,
    check_depth,
    check_kind,
    decode_arguments,
    decode_returned,
    encode_arguments,
    encode_returned,
)
from realtime.runtime.context import MutationCtx, QueryCtx, Reference
from realtime.runtime.cursor import Cursors
from realtime.runtime.error_texts import HandlerFailure
from realtime.runtime.foreign_await import foreign_failure, foreign_yield
from realtime.runtime.log_lines import LogLines
from realtime.runtime.operation import SUSPEND, Operation, Steps
from realtime.runtime.outcome import FunctionKind
from realtime.runtime.page_journal import PageJournal
from realtime.runtime.registry import AppFunction, Registry
from realtime.runtime.result_encoding import KnownDocument
from realtime.runtime.user_identity import UserIdentity
from realtime.runtime.watchdog import FunctionStopped, TimeBudget, Watchdog, close_coroutine
from realtime.schema.document import Document
from realtime.schema.document_codec import DocumentCodec
from realtime.values.json_encoding import decode_json


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What all runs of a backend share; times in seconds."""

    registry: Registry
    root: Path
    watchdog: Watchdog
    user_time_seconds: float
    scan_chunk: int
    cursors: Cursors


class FunctionRun:
    """The state of one run; it is the scope of every `ctx` in it, nested ones included."""

    def __init__(
        self,
        settings: RunSettings,
        transaction: Transaction,
        *,
        user: UserIdentity | None,
        now_ms: float,
        draw_seed: Callable[[], bytes],
        may_suspend: Callable[[], bool],
        journal: str | None = None,
    ) -> None:
        """`may_suspend` says, each time, whether the snapshot can be kept while the loop turns;
        `journal` is what the last run of a live query has left."""
        self._settings = settings
        self.transaction = transaction
        self.budget = TimeBudget(settings.watchdog, settings.user_time_seconds)
        self.log_lines = LogLines()
        self.scan_chunk = settings.scan_chunk
        self.cursors = settings.cursors
        self.journal = PageJournal(journal)
        self.unawaited: dict[Operation[object], None] = {}
        self.may_suspend = may_suspend
        self.is_time_dependent = False
        """Whether the handler looked at the clock or at randomness."""
        self.is_identity_dependent = False
        """Whether the handler looked at who calls."""
        self._user = user
        self._now_ms = now_ms
        self._draw_seed = draw_seed
        self._random: Random | None = None
        self._is_active = False
        self._depth = 0
        self._known: dict[int, KnownDocument] = {}

    # What the handler's ctx asks for

    def check_active(self) -> None:
        """Raise if an operation is awaited outside of the run, as in a task of its own."""
        if not self._is_active:
            raise ValidationError(
                "An operation of a `ctx` was awaited outside of its function. Await it in the "
                "function itself; for several at once use `realtime.gather`"
            )

    def now_ms(self) -> float:
        """Return the frozen time; the result depends on it from here on."""
        self.is_time_dependent = True
        return self._now_ms

    def random(self) -> Random:
        """Return the seeded source; the result depends on it from here on."""
        self.is_time_dependent = True
        if self._random is None:
            self._random = Random(self._draw_seed())
        return self._random

    def user_identity(self) -> UserIdentity | None:
        """Return who calls; the result depends on it from here on."""
        self.is_identity_dependent = True
        return self._user

    def codec_of(self, document_class: type[Document]) -> DocumentCodec:
        """Return the codec of a class of the schema; DefinitionError for another class."""
        name = getattr(document_class, "__table_name__", None)
        codec = DocumentCodec.of(document_class) if name is not None else None
        if codec is None:
            raise DefinitionError(
                f"Expected a Document class or a table name, got {document_class!r}"
            )
        return codec

    def present(self, table: TableInfo, *records: Record, as_dict: bool) -> list[Any]:
        """Return records as the handler gets them, and remember the bytes of objects."""
        codec = table.definition.codec if table.definition is not None else None
        if as_dict or codec is None:
            return [decode_json(record.document) for record in records]
        raws = [record.document for record in records]
        documents = codec.decode_all(raws)
        self._known.update(
            zip(map(id, documents), zip(documents, raws, repeat(codec)), strict=True)
        )
        return documents

    def call(
        self,
        kind: FunctionKind,
        reference: Reference,
        args: tuple[Any, ...],
        named: Mapping[str, Any],
    ) -> Steps[Any]:
        """Run another function in the same transaction; a failed mutation's writes go."""
        function = self._settings.registry.resolve(reference)
        check_kind(function, kind)
        check_depth(self._depth)
        encoded = encode_arguments(function, args, named)
        write_set = self.transaction.write_set
        mark = write_set.mark() if write_set is not None else None
        outer, self.unawaited = self.unawaited, {}
        outer_has_page, self.journal.function_has_page = self.journal.function_has_page, False
        try:
            result = yield from self.run(function, encoded)
            return decode_returned(function, self.encode(function, result))
        except BaseException as error:
            if write_set is not None and mark is not None:
                write_set.roll_back_to(mark)
            failure = error.cause if isinstance(error, HandlerFailure) else error
            if isinstance(failure, ApplicationError):
                failure.nesting += 1
            raise failure from failure.__cause__
        finally:
            self.unawaited = outer
            self.journal.function_has_page = outer_has_page

    # What the runner asks for

    def run(self, function: AppFunction, args: Any) -> Steps[Any]:
        """Check the arguments, run the handler and return what it returned, unchecked.

        Raises:
            RealtimeError: The call does not fit the function.
            HandlerFailure: The handler raised.
        """
        decoded = decode_arguments(function, args, self.transaction)
        ctx = MutationCtx(self) if function.kind == "mutation" else QueryCtx(self)
        if function.signature.parameters is None:
            coroutine = function.handler(ctx, args)
        else:
            coroutine = function.handler(ctx, **decoded)
        self._depth += 1
        try:
            result = yield from self._drive(coroutine, function)
        finally:
            self._depth -= 1
        check_awaited(function, self.unawaited, self._settings.root, "nothing was written")
        return result

    def encode(self, function: AppFunction, result: Any) -> bytes:
        """Return a checked result as canonical JSON; ValidationError if it does not fit."""
        return encode_returned(function, result, self._known, self.transaction)

    def _drive(self, coroutine: Coroutine[Any, Any, Any], function: AppFunction) -> Steps[Any]:
        was_active, self._is_active = self._is_active, True
        try:
            try:
                self.budget.resume()
                while True:
                    try:
                        yielded = coroutine.send(None)
                    except StopIteration as stop:
                        return stop.value
                    except (FunctionStopped, KeyboardInterrupt):
                        raise
                    except BaseException as error:  # `sys.exit()` ends the function, not the server
                        foreign = foreign_failure(error, function, self._settings.root)
                        raise HandlerFailure(foreign or error) from error
                    if yielded is not SUSPEND:
                        raise HandlerFailure(
                            foreign_yield(yielded, coroutine, function, self._settings.root)
                        )
                    self._is_active = False
                    yield SUSPEND
                    self._is_active = True
            finally:
                self.budget.stop()
        except FunctionStopped:
            self.budget.stop()  # it may have arrived just before the one above
            raise self.budget.error(function.path) from None
        finally:
            self._is_active = False
            if getattr(coroutine, "cr_frame", None) is not None:
                close_coroutine(coroutine, self.budget, function.path)
            self._is_active = was_active
