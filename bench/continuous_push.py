"""Acknowledgements while many sockets are under continuous pushes.

One load changes a list of 50 documents that all sockets watch, without a pause: the server never
stops pushing. Another process sends messages to a session of its own, which nobody watches, one
after the other; how long their acknowledgement takes is the figure. It has a process of its own so
that it does not wait behind a thousand sockets that are read.

    python bench/continuous_push.py --subscribers 1000 --seconds 10
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from processes import (
    Server,
    parse_report,
    realtime_target,
    run_load,
    running_load,
    running_server,
    stop_on_signal,
)

_PROBE_SETUP_SECONDS = 3.0
_LIMIT_SECONDS = 240.0


def measure_continuous_push(server: Server, *, subscribers: int, seconds: float) -> dict[str, Any]:
    """Run both loads on a server and return their figures as one report."""
    pushing_seconds = seconds + _PROBE_SETUP_SECONDS
    pushing = ["continuous", "--subscribers", str(subscribers), "--seconds", str(pushing_seconds)]
    with running_load(server, pushing) as process:
        assert process.stdout is not None
        begun = process.stdout.readline()  # the load ends by itself if it cannot begin
        if b"begun" not in begun:
            return parse_report(begun)
        probe = run_load(
            server,
            ["mutations", "--clients", "1", "--seconds", str(seconds)],
            limit_seconds=_LIMIT_SECONDS,
        )
        outlived = process.poll() is None
        output, _ = process.communicate(timeout=_LIMIT_SECONDS)
    pushed = parse_report(output)
    failures = [*pushed["failures"], *probe["failures"]]
    if not outlived:
        failures.append("The pushes ended before the acknowledgements were measured")
    if failures:
        return {"failures": failures}
    return {
        "subscribers": subscribers,
        "ack_ms": probe["ack_ms"],
        "acknowledgements_per_second": probe["operations_per_second"],
        "changes_per_second": pushed["operations_per_second"],
        "change_ack_ms": pushed["ack_ms"],
        "pushes_per_second": round(pushed["pushes"] / pushed["seconds"]),
        "push_bytes": pushed["push_bytes"],
        "server_cpu_share": round(pushed["server_cpu_seconds"] / pushed["seconds"], 3),
        "server_memory_bytes": pushed["server_memory_bytes"],
        "loop_delay_p99_ms": pushed.get("loop_delay_p99_ms"),
        "failures": [],
    }


def main() -> int:
    """Measure and print the report as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    stop_on_signal()
    with running_server(realtime_target()) as server:
        report = measure_continuous_push(
            server, subscribers=options.subscribers, seconds=options.seconds
        )
    print(json.dumps(report, indent=2))
    return 1 if report["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
