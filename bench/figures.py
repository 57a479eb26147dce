"""From results to tables: one for each group of cases, and the figures that have a goal.

The goals are those of the design document, section 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, assert_never

from plan import Case
from results import LINE, OURS, Results, ratio
from tables import ABSENT, Table, number, pair

_MIB = 2**20
_PINNINGS = (True, False)
_EXACT = 1e-6
_CELLS = "Each cell: server pinned to a core / not pinned."

Getter = Callable[[Case, str, bool], float | None]


def _getter(results: Results, *path: str, scale: float = 1.0) -> Getter:
    def get(case: Case, target: str, is_pinned: bool) -> float | None:
        value = results.value(case, target, is_pinned, *path)
        return None if value is None else value * scale

    return get


def _per_batch(results: Results, counter: str) -> Getter:
    """How often the shared list was run or encoded for each batch of commits."""

    def get(case: Case, target: str, is_pinned: bool) -> float | None:
        counted = results.value(case, target, is_pinned, counter, "messages:list")
        batches = results.value(case, target, is_pinned, "commit_batches")
        return ratio(counted, batches)

    return get


def _cells(getter: Getter, case: Case, target: str, digits: int) -> str:
    return pair((getter(case, target, is_pinned) for is_pinned in _PINNINGS), digits)


@dataclass(frozen=True)
class Column:
    """One column of a table of cases."""

    header: str
    getter: Getter
    digits: int = 0


def _mutation_table(results: Results, cases: Sequence[Case]) -> Table:
    columns = (
        Column("mutations/s", _getter(results, "operations_per_second")),
        Column("ack p50 ms", _getter(results, "ack_ms", "p50"), 2),
        Column("ack p99 ms", _getter(results, "ack_ms", "p99"), 2),
        Column("push p50 ms", _getter(results, "push_ms", "p50"), 2),
        Column("push p99 ms", _getter(results, "push_ms", "p99"), 2),
        Column("CPU µs/mutation", _getter(results, "server_cpu_us_per_operation"), 1),
        Column("loop delay p99 ms", _getter(results, "loop_delay_p99_ms"), 1),
        Column("RSS MiB", _getter(results, "server_memory_bytes", scale=1 / _MIB)),
    )
    note = (
        "Closed loop: each client sends the next message when the one before is done. With a live "
        "list, when its list (50 messages on average; quick: 10) has been pushed to it. " + _CELLS
    )
    table = Table("Mutations", note, ["clients", *(column.header for column in columns)])
    for case in cases:
        for target, label in ((OURS, case.name), (LINE, "  line: Node")):
            cells = [_cells(column.getter, case, target, column.digits) for column in columns]
            table.rows.append([label, *cells])
        ratios = [_ratio_cells(column.getter, case) for column in columns]
        table.rows.append(["  ratio", *ratios])
    return table


def _ratio_cells(getter: Getter, case: Case) -> str:
    return pair(
        (
            ratio(getter(case, OURS, is_pinned), getter(case, LINE, is_pinned))
            for is_pinned in _PINNINGS
        ),
        2,
    )


def _push_table(results: Results, cases: Sequence[Case]) -> Table:
    cpu = _getter(results, "server_cpu_us_per_push")
    line = _getter(results, "cpu_us_per_message")

    def against_line(case: Case, _: str, is_pinned: bool) -> float | None:
        return ratio(cpu(case, OURS, is_pinned), line(case, LINE, is_pinned))

    columns = (
        Column("push p50 ms", _getter(results, "push_ms", "p50"), 2),
        Column("push p99 ms", _getter(results, "push_ms", "p99"), 2),
        Column("last push p50 ms", _getter(results, "last_push_ms", "p50"), 2),
        Column("ack p50 ms", _getter(results, "ack_ms", "p50"), 2),
        Column("CPU µs/push", cpu, 2),
        Column("line CPU µs/push", lambda case, _, is_pinned: line(case, LINE, is_pinned), 2),
        Column("ratio", against_line, 2),
        Column("runs/batch", _per_batch(results, "function_runs"), 3),
        Column("encodings/batch", _per_batch(results, "result_encodings"), 3),
        Column("loop delay p99 ms", _getter(results, "loop_delay_p99_ms"), 1),
        Column("RSS MiB", _getter(results, "server_memory_bytes", scale=1 / _MIB)),
        Column("bytes", _getter(results, "push_bytes")),
    )
    note = (
        "One list of 50 messages; a message changes, and the next one when every subscriber has "
        "the change. From sending the mutation to arrival; the last push is that of the last "
        "subscriber. " + _CELLS
    )
    return _case_table("Pushes", note, "subscribers", columns, cases)


def _case_table(
    title: str, note: str, first: str, columns: Sequence[Column], cases: Sequence[Case]
) -> Table:
    table = Table(title, note, [first, *(column.header for column in columns)])
    for case in cases:
        cells = [_cells(column.getter, case, OURS, column.digits) for column in columns]
        table.rows.append([case.name, *cells])
    return table


def _unaffected_table(results: Results, cases: Sequence[Case]) -> Table:
    cpu = _getter(results, "server_cpu_us_per_operation")

    def against_none(case: Case, target: str, is_pinned: bool) -> float | None:
        return ratio(cpu(case, target, is_pinned), cpu(cases[0], target, is_pinned))

    columns = (
        Column("mutations/s", _getter(results, "operations_per_second")),
        Column("ack p99 ms", _getter(results, "ack_ms", "p99"), 2),
        Column("CPU µs/mutation", cpu, 1),
        Column("ratio to none", against_none, 3),
        Column("loop delay p99 ms", _getter(results, "loop_delay_p99_ms"), 1),
        Column("RSS MiB", _getter(results, "server_memory_bytes", scale=1 / _MIB)),
    )
    note = "Mutations of 10 clients while lists are subscribed that they do not touch. " + _CELLS
    return _case_table("Unaffected subscriptions", note, "subscriptions", columns, cases)


def _unpinned_table(
    title: str, note: str, columns: Sequence[Column], cases: Sequence[Case]
) -> Table:
    table = Table(title, note, ["", *(column.header for column in columns)])
    for case in cases:
        cells = [number(one.getter(case, OURS, False), one.digits) for one in columns]
        table.rows.append([case.name, *cells])
    return table


def _idle_table(results: Results, cases: Sequence[Case]) -> Table:
    columns = (
        Column("connections", _getter(results, "connections")),
        Column("bytes/connection", _getter(results, "memory_bytes_per_connection")),
    )
    note = "Growth of resident memory for a connection with one subscription to an empty list."
    return _unpinned_table("Idle connections", note, columns, cases)


def _continuous_table(results: Results, cases: Sequence[Case]) -> Table:
    columns = (
        Column("subscribers", _getter(results, "subscribers")),
        Column("ack p50 ms", _getter(results, "ack_ms", "p50"), 2),
        Column("ack p99 ms", _getter(results, "ack_ms", "p99"), 2),
        Column("acks/s", _getter(results, "acknowledgements_per_second")),
        Column("pushes/s", _getter(results, "pushes_per_second")),
        Column("changes/s", _getter(results, "changes_per_second")),
        Column("server CPU", _getter(results, "server_cpu_share"), 2),
        Column("loop delay p99 ms", _getter(results, "loop_delay_p99_ms"), 1),
    )
    note = "A client of its own sends messages while a list that all watch never stops changing."
    return _unpinned_table("Continuous pushes", note, columns, cases)


def _start_table(results: Results, cases: Sequence[Case]) -> Table:
    columns = (
        Column("import ms", _getter(results, "import_ms")),
        Column("line import ms", _getter(results, "line_import_ms")),
        Column("ratio", _getter(results, "import_ratio"), 2),
        Column("start to serving ms", _getter(results, "start_ms")),
    )
    note = (
        "Import of what an app begins with; line: import of starlette and msgspec. "
        "A start on no data."
    )
    return _unpinned_table("Start", note, columns, cases)


@dataclass(frozen=True)
class Goal:
    """A figure with its goals."""

    name: str
    values: tuple[float | None, float | None]
    first: float
    then: float | None
    rule: Literal["at most", "at least", "exactly"] = "at most"
    digits: int = 2
    unit: str = ""

    def row(self) -> list[str]:
        """Return the figure as a row of the table of goals."""
        sign = {"at most": "≤", "at least": "≥", "exactly": "="}[self.rule]
        goals = [
            ABSENT if goal is None else f"{sign} {number(goal, _digits(goal))}{self.unit}"
            for goal in (self.first, self.then)
        ]
        cells = [
            ABSENT if value is None else f"{number(value, self.digits)}{self.unit}"
            for value in self.values
        ]
        return [self.name, *cells, *goals, self.verdict()]

    def verdict(self) -> str:
        """Say which goal all of the values meet."""
        known = [value for value in self.values if value is not None]
        if not known:
            return "not measured"
        if self.then is not None and all(self._is_met(value, self.then) for value in known):
            return "then"
        return "first" if all(self._is_met(value, self.first) for value in known) else "missed"

    def _is_met(self, value: float, goal: float) -> bool:
        match self.rule:
            case "at most":
                return value <= goal
            case "at least":
                return value >= goal
            case "exactly":
                return abs(value - goal) < _EXACT
            case _:
                assert_never(self.rule)


def _digits(goal: float) -> int:
    return 0 if goal == int(goal) else 2


@dataclass
class Goals:
    """Makes the figures that have a goal from what was measured."""

    results: Results
    by_group: dict[str, list[Case]]
    goals: list[Goal] = field(default_factory=list)

    def make(self) -> list[Goal]:
        """Return all figures, measured or not."""
        self._push_goals()
        self._mutation_goals()
        self._unaffected_goals()
        self._unpinned_goals()
        return self.goals

    def _largest(self, group: str, has_live_list: bool = False) -> Case | None:
        found = [one for one in self.by_group.get(group, []) if one.has_live_list == has_live_list]
        return max(found, key=lambda one: one.size, default=None)

    def _ratios(self, case: Case | None, getter: Getter) -> tuple[float | None, float | None]:
        if case is None:
            return None, None
        values = [
            ratio(getter(case, OURS, is_pinned), getter(case, LINE, is_pinned))
            for is_pinned in _PINNINGS
        ]
        return values[0], values[1]

    def _push_goals(self) -> None:
        case = self._largest("push")
        if case is None:
            return
        cpu = _getter(self.results, "server_cpu_us_per_push")
        line = _getter(self.results, "cpu_us_per_message")
        values = [ratio(cpu(case, OURS, one), line(case, LINE, one)) for one in _PINNINGS]
        name = f"push to {case.size} sockets, CPU, ratio to the push line"
        self.goals.append(Goal(name, (values[0], values[1]), 1.35, 1.15))
        for one in self.by_group["push"]:
            if one.size == case.size:
                self._per_batch_goals(one)

    def _per_batch_goals(self, case: Case) -> None:
        for counter, what in (("function_runs", "runs"), ("result_encodings", "encodings")):
            get = _per_batch(self.results, counter)
            values = (get(case, OURS, True), get(case, OURS, False))
            name = f"{case.name}: {what} per commit batch"
            self.goals.append(Goal(name, values, 1.0, None, "exactly", digits=3))

    def _mutation_goals(self) -> None:
        rate = _getter(self.results, "operations_per_second")
        largest = self._largest("mutations")
        alone = next((one for one in self.by_group.get("mutations", []) if one.size == 1), None)
        for has_live_list, then in ((False, 0.8), (True, 1.0)):
            case = self._largest("mutations", has_live_list)
            if case is not None:
                name = f"mutations/s, {case.name}, ratio to the Node line"
                self.goals.append(Goal(name, self._ratios(case, rate), 0.5, then, "at least"))
        for case, share in ((alone, "p50"), (largest, "p50"), (largest, "p99")):
            if case is not None:
                name = f"acknowledgement {share}, {case.name}, ratio to the Node line"
                values = self._ratios(case, _getter(self.results, "ack_ms", share))
                self.goals.append(Goal(name, values, 2.0, 1.5))

    def _unaffected_goals(self) -> None:
        cases = self.by_group.get("unaffected", [])
        if not cases:
            return
        cpu = _getter(self.results, "server_cpu_us_per_operation")
        values = [ratio(cpu(cases[-1], OURS, one), cpu(cases[0], OURS, one)) for one in _PINNINGS]
        name = f"{cases[-1].size} unaffected subscriptions / none, CPU per mutation"
        self.goals.append(Goal(name, (values[0], values[1]), 1.15, 1.05, digits=3))

    def _unpinned_goals(self) -> None:
        rows: Iterable[tuple[str, str, Getter, float, float | None, int, str]] = (
            (
                "continuous",
                "acknowledgement p99 under continuous pushes",
                _getter(self.results, "ack_ms", "p99"),
                50.0,
                20.0,
                1,
                " ms",
            ),
            (
                "idle",
                "idle connection",
                _getter(self.results, "memory_bytes_per_connection", scale=1 / 1000),
                30.0,
                16.0,
                1,
                " kB",
            ),
            ("start", "import", _getter(self.results, "import_ratio"), 1.5, None, 2, ""),
            ("start", "start to serving", _getter(self.results, "start_ms"), 500.0, None, 0, " ms"),
        )
        for group, name, getter, first, then, digits, unit in rows:
            for case in self.by_group.get(group, []):
                label = f"{name}, {case.name}" if group == "idle" else name
                values = (None, getter(case, OURS, False))
                self.goals.append(Goal(label, values, first, then, digits=digits, unit=unit))


def _goal_table(goals: Sequence[Goal]) -> Table:
    note = (
        "`first` and `then`: the goals of the design; the last column: which of them both values "
        "meet. Ratios are to lines measured in the same run."
    )
    headers = ["figure", "pinned", "not pinned", "first", "then", "meets"]
    table = Table("Figures to hold", note, headers)
    table.rows.extend(goal.row() for goal in goals)
    return table


_GROUP_TABLES: dict[str, Callable[[Results, Sequence[Case]], Table]] = {
    "mutations": _mutation_table,
    "push": _push_table,
    "unaffected": _unaffected_table,
    "idle": _idle_table,
    "continuous": _continuous_table,
    "start": _start_table,
}


def make_goals(results: Results, cases: Iterable[Case]) -> list[Goal]:
    """Return the figures that have a goal."""
    by_group: dict[str, list[Case]] = {}
    for case in cases:
        by_group.setdefault(case.group, []).append(case)
    return Goals(results, by_group).make()


def make_tables(results: Results, cases: Sequence[Case]) -> list[Table]:
    """Return a table for each group that was measured, and the figures that have a goal."""
    tables: list[Table] = []
    for group, make in _GROUP_TABLES.items():
        members = [case for case in cases if case.group == group]
        if members:
            tables.append(make(results, members))
    return [*tables, _goal_table(make_goals(results, cases))]
