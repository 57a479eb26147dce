"""What the runtime counts, as plain integers; `server/metrics.py` gives them to Prometheus."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from realtime.runtime.outcome import FunctionKind


@dataclass(slots=True)
class Counters:
    """Totals since the start; they only grow."""

    function_runs: Counter[tuple[str, FunctionKind]] = field(
        default_factory=Counter[tuple[str, FunctionKind]]
    )
    """Handlers run to their end, by path and kind; runs that were repeated count each time."""

    result_encodings: Counter[str] = field(default_factory=Counter[str])
    """Results encoded to JSON, by path."""

    commits: int = 0
    """Mutations made durable."""

    commit_batches: int = 0
    """COMMITs that made them durable."""
