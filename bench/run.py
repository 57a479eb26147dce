"""The benchmark: runs the chat workload against the server and its lines, and prints tables.

    python bench/run.py                      # everything; about seven minutes
    python bench/run.py --quick              # every load once, small: does it run?
    python bench/run.py --only push --runs 3
    python bench/run.py --markdown           # or --json

Servers run on free loopback ports with directories of their own, which are removed; all processes
are stopped, also after an error. The exit status is 1 if a load failed; slow is not a failure.
What each figure means stands in README.md beside this file.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from continuous_push import measure_continuous_push
from figures import make_goals, make_tables
from machine import describe_machine
from plan import FULL, GROUPS, QUICK, Case, Sizes, cases
from processes import (
    ROOT,
    Target,
    cores,
    node_line_problem,
    node_target,
    realtime_target,
    run_load,
    run_push_line,
    running_server,
    stop_on_signal,
)
from results import LINE, OURS, Key, Results
from tables import render_markdown, render_plain

_LOAD_LIMIT_SECONDS = 300.0


def measure_load(case: Case, target: Target, is_pinned: bool) -> dict[str, Any]:
    """Run a server and one load against it."""
    server_core, load_core = (cores().server, cores().load) if is_pinned else (None, None)
    with running_server(target, core=server_core) as server:
        return run_load(server, case.load, limit_seconds=_LOAD_LIMIT_SECONDS, core=load_core)


def measure_push_line(case: Case, ours: dict[str, Any], is_pinned: bool, seconds: float) -> Any:
    """Run the push line with as many sockets and bytes as the case had."""
    arguments: dict[str, float | int] = {
        "sockets": case.size,
        "bytes": int(ours["push_bytes"]),
        "seconds": seconds,
    }
    if is_pinned:
        arguments |= {"writer-core": cores().server, "reader-core": cores().load}
    try:
        report = run_push_line(arguments, limit_seconds=_LOAD_LIMIT_SECONDS)
    except subprocess.SubprocessError as error:
        return {"failures": [f"The push line failed: {error}"]}
    return report | {"failures": []}


def measure_continuous(case: Case, seconds: float) -> dict[str, Any]:
    """Run the two loads of continuous pushes."""
    with running_server(realtime_target()) as server:
        return measure_continuous_push(server, subscribers=case.size, seconds=seconds)


_OUR_IMPORT = "from realtime import Document, Id, Index, MutationCtx, QueryCtx, mutation, query"
"""What an app begins with; the package by itself imports nothing."""
_LINE_IMPORT = "import starlette, msgspec"


def _import_milliseconds(statement: str) -> float:
    code = (
        "import time; begin = time.perf_counter(); "
        f"{statement}; print((time.perf_counter() - begin) * 1000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=60
    )
    return float(done.stdout)


def measure_start(repetitions: int) -> dict[str, Any]:
    """Import the package and its line by turns; start servers on empty directories."""
    ours: list[float] = []
    line: list[float] = []
    for _ in range(repetitions):
        ours.append(_import_milliseconds(_OUR_IMPORT))
        line.append(_import_milliseconds(_LINE_IMPORT))
    starts: list[float] = []
    for _ in range(repetitions):
        with running_server(realtime_target()) as server:
            starts.append(server.start_seconds * 1000)
    import_ms, line_import_ms = statistics.median(ours), statistics.median(line)
    return {
        "import_ms": round(import_ms, 1),
        "line_import_ms": round(line_import_ms, 1),
        "import_ratio": round(import_ms / line_import_ms, 2),
        "start_ms": round(statistics.median(starts)),
        "failures": [],
    }


class Runner:
    """Goes through the cases and collects what they report."""

    def __init__(self, sizes: Sizes, node: Target | None, say: Callable[[str], None]) -> None:
        self.results = Results()
        self._sizes = sizes
        self._node = node
        self._say = say

    def run(self, chosen: Iterable[Case]) -> None:
        """Measure each case once more."""
        for case in chosen:
            for is_pinned in case.pinnings:
                self._measure(case, is_pinned)

    def _measure(self, case: Case, is_pinned: bool) -> None:
        ours = self._take(Key(case, OURS, is_pinned), lambda: self._measure_ours(case, is_pinned))
        if case.has_line and self._node is not None:
            node = self._node
            self._take(Key(case, LINE, is_pinned), lambda: measure_load(case, node, is_pinned))
        if case.group == "push" and not ours["failures"]:
            seconds = self._sizes.seconds
            self._take(
                Key(case, LINE, is_pinned),
                lambda: measure_push_line(case, ours, is_pinned, seconds),
            )

    def _measure_ours(self, case: Case, is_pinned: bool) -> dict[str, Any]:
        match case.group:
            case "continuous":
                return measure_continuous(case, self._sizes.seconds)
            case "start":
                return measure_start(self._sizes.start_repetitions)
            case _:
                return measure_load(case, realtime_target(), is_pinned)

    def _take(self, key: Key, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        place = f"{key.case.group}: {key.case.name}, {key.target}"
        self._say(f"{place}, {'pinned' if key.is_pinned else 'not pinned'}")
        try:
            report = measure()
        except Exception as error:  # one case that fails must not lose the others
            report = {"failures": [f"{type(error).__name__}: {error}"]}
        for failure in report["failures"]:
            self._say(f"  FAILED: {failure}")
        self.results.add(key, report)
        return report


def print_report(options: argparse.Namespace, results: Results, chosen: Sequence[Case]) -> None:
    """Print machine, input, tables and failures in the form that was asked for."""
    command = " ".join(["python", "bench/run.py", *sys.argv[1:]])
    facts = options.machine | {"command": command, "runs": f"{options.runs} (medians)"}
    if options.json:
        goals = [
            dataclasses.asdict(goal) | {"meets": goal.verdict()}
            for goal in make_goals(results, chosen)
        ]
        report = {
            "machine": facts,
            "notes": results.notes,
            "measurements": results.to_json(),
            "figures": goals,
        }
        print(json.dumps(report, indent=2, ensure_ascii=False))
        return
    render = render_markdown if options.markdown else render_plain
    bullet = "- " if options.markdown else ""
    print("\n".join(f"{bullet}{name}: {fact}" for name, fact in facts.items()))
    for note in results.notes:
        print(f"{bullet}{note}")
    print()
    for table in make_tables(results, chosen):
        print(render(table))
    if results.failures:
        print("Failed:")
        print("\n".join(f"- {failure}" for failure in results.failures))


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small and short: does it run?")
    parser.add_argument("--only", action="append", choices=GROUPS, help="one group; repeatable")
    parser.add_argument("--runs", type=int, default=1, help="repetitions; medians are reported")
    parser.add_argument("--seconds", type=float, help="length of a measured window")
    parser.add_argument("--unpinned", action="store_true", help="leave the pinned half out")
    parser.add_argument("--node-recompute", choices=("objects", "text"), default="objects")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true")
    form.add_argument("--markdown", action="store_true")
    return parser.parse_args()


def main() -> int:
    """Measure and report."""
    options = parse_options()
    stop_on_signal()
    sizes = QUICK if options.quick else FULL
    if options.seconds is not None:
        sizes = dataclasses.replace(sizes, seconds=options.seconds)
    if options.unpinned:
        sizes = dataclasses.replace(sizes, pinnings=(False,))
    chosen = [case for case in cases(sizes) if not options.only or case.group in options.only]
    options.machine = describe_machine()

    problem = node_line_problem()
    node = None if problem else node_target(options.node_recompute)
    runner = Runner(sizes, node, lambda text: print(text, file=sys.stderr, flush=True))
    if options.quick:
        runner.results.notes.append("Quick: too small and too short to compare anything.")
    if problem:
        runner.results.notes.append(f"The Node line is not available: {problem}.")
    for _ in range(options.runs):
        runner.run(chosen)
    print_report(options, runner.results, chosen)
    return 1 if runner.results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
