"""What was measured, by case, server and pinning; medians over the runs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from plan import Case

OURS = "realtime"
LINE = "line"


class Key(NamedTuple):
    """One place in the results. `target` is OURS or LINE."""

    case: Case
    target: str
    is_pinned: bool


def median_report(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one report with the median of every number; what is absent in one is left out."""
    merged: dict[str, Any] = {}
    for name, first in reports[0].items():
        values = [report.get(name) for report in reports]
        if isinstance(first, dict):
            parts = [value for value in values if isinstance(value, dict)]
            merged[name] = median_report(parts)
        elif isinstance(first, list):
            merged[name] = [item for value in values if value for item in value]
        elif isinstance(first, int | float):
            numbers = [value for value in values if isinstance(value, int | float)]
            merged[name] = statistics.median(numbers)
    return merged


class Results:
    """The reports of all runs."""

    def __init__(self) -> None:
        self._reports: dict[Key, list[dict[str, Any]]] = {}
        self.notes: list[str] = []

    def add(self, key: Key, report: dict[str, Any]) -> None:
        """Add the report of one run."""
        self._reports.setdefault(key, []).append(report)

    @property
    def failures(self) -> list[str]:
        """Return what went wrong, with its place."""
        return [
            f"{key.case.group}: {key.case.name}, {key.target}, "
            f"{'pinned' if key.is_pinned else 'not pinned'}: {failure}"
            for key, reports in self._reports.items()
            for report in reports
            for failure in report["failures"]
        ]

    def report(self, key: Key) -> dict[str, Any] | None:
        """Return the medians of the runs that did not fail, or None."""
        good = [report for report in self._reports.get(key, []) if not report["failures"]]
        return median_report(good) if good else None

    def value(self, case: Case, target: str, is_pinned: bool, *path: str) -> float | None:
        """Return one number of a report, or None if it was not measured."""
        found: Any = self.report(Key(case, target, is_pinned))
        for name in path:
            if not isinstance(found, Mapping):
                return None
            found = found.get(name)
        return found if isinstance(found, int | float) else None

    def to_json(self) -> list[dict[str, Any]]:
        """Return all medians as a list of objects."""
        return [
            {
                "group": key.case.group,
                "case": key.case.name,
                "target": key.target,
                "pinned": key.is_pinned,
                "runs": len(reports),
                "report": self.report(key),
                "failures": [failure for report in reports for failure in report["failures"]],
            }
            for key, reports in self._reports.items()
        ]


def ratio(value: float | None, line: float | None) -> float | None:
    """Return value / line where both are known."""
    return value / line if value is not None and line else None
