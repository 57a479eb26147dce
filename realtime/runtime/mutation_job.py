"""One mutation on its way through the lane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from realtime.database.timestamp import Timestamp
from realtime.runtime.function_runner import RunReport
from realtime.runtime.outcome import FunctionCall, MutationOutcome
from realtime.storage.records import RequestRecord

_UNKNOWN = Timestamp(0)


class MutationJob(msgspec.Struct, eq=False):
    """One mutation that waits, runs or waits for its COMMIT."""

    call: FunctionCall
    session_id: str | None
    request_id: int
    on_finished: Callable[[MutationOutcome], None]
    report: RunReport | None = None
    record: RequestRecord | None = None
    """The stored answer, if this is a re-send."""
    timestamp: Timestamp = _UNKNOWN
    """Of its commit; of its snapshot if it wrote nothing."""

    def outcome(self) -> MutationOutcome:
        """Return how it ended, once it has run or its stored answer was found."""
        if self.record is not None:
            lines: Any = msgspec.json.decode(self.record.log_lines)
            return MutationOutcome(self.record.result, None, self.timestamp, tuple(lines))
        report = self.report
        assert report is not None
        return MutationOutcome(
            report.value,
            report.error,
            self.timestamp,
            report.log_lines,
            report.rejection,
            report.cause,
        )
