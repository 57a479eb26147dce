"""Latencies: collected while a window is open, summed up as percentiles."""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence

clock = time.perf_counter


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of the ordered values do not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summarize_ms(seconds: Sequence[float]) -> dict[str, float] | None:
    """Return count and percentiles in milliseconds, or None if there is nothing."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return {
        "count": len(ordered),
        "p50": round(percentile(ordered, 0.50) * 1000, 3),
        "p95": round(percentile(ordered, 0.95) * 1000, 3),
        "p99": round(percentile(ordered, 0.99) * 1000, 3),
        "max": round(ordered[-1] * 1000, 3),
    }


class Recorder:
    """Collects what happens between `begin` and `end`; what happens outside is not counted."""

    def __init__(self) -> None:
        self.is_recording = False
        self.operations = 0
        self.acknowledgements = array("d")
        self.pushes = array("d")
        self._begun_at = 0.0
        self._seconds = 0.0

    def begin(self) -> None:
        """Open the window."""
        self.is_recording = True
        self._begun_at = clock()

    def end(self) -> None:
        """Close the window."""
        self._seconds += clock() - self._begun_at
        self.is_recording = False

    def report(self) -> dict[str, object]:
        """Return operations, seconds and percentiles as JSON members."""
        return {
            "operations": self.operations,
            "seconds": round(self._seconds, 3),
            "operations_per_second": round(self.operations / self._seconds, 1),
            "ack_ms": summarize_ms(self.acknowledgements),
            "push_ms": summarize_ms(self.pushes),
        }
