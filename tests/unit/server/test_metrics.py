"""What `/metrics` says."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from realtime.runtime.counters import Counters
from realtime.server.loop_delay import LoopDelay
from realtime.server.metrics import Metrics


class Server:
    """Something to count, with its metrics."""

    def __init__(self) -> None:
        self.backend: Any = SimpleNamespace(
            counters=Counters(), subscription_count=0, running_action_count=0, wal_size_bytes=0
        )
        self.sockets: list[None] = []
        self.loop_delay = LoopDelay()
        self._metrics = Metrics(self.backend, self.sockets, self.loop_delay)  # type: ignore[arg-type]

    def samples(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        text = self._metrics.render().decode()
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        return self.samples()[name, tuple(sorted(labels.items()))]


def test_counters_of_the_backend_are_shown_as_they_are_when_asked() -> None:
    server = Server()
    counters = server.backend.counters
    counters.function_runs["messages:send", "mutation"] += 3
    counters.function_runs["messages:list", "query"] += 1
    counters.result_encodings["messages:list"] += 2
    counters.commits = 7
    counters.commit_batches = 4

    assert server.value("realtime_function_runs_total", path="messages:send", kind="mutation") == 3
    assert server.value("realtime_function_runs_total", path="messages:list", kind="query") == 1
    assert server.value("realtime_result_encodings_total", path="messages:list") == 2
    assert server.value("realtime_commits_total") == 7
    assert server.value("realtime_commit_batches_total") == 4

    counters.commits = 8
    assert server.value("realtime_commits_total") == 8


def test_gauges_follow_what_they_measure() -> None:
    server = Server()

    server.backend.subscription_count, server.backend.wal_size_bytes = 12, 4_096
    server.backend.running_action_count = 3
    server.sockets += [None, None]

    assert server.value("realtime_subscriptions") == 12
    assert server.value("realtime_running_actions") == 3
    assert server.value("realtime_sockets") == 2
    assert server.value("realtime_wal_size_bytes") == 4_096


def test_loop_delay_is_a_cumulative_histogram() -> None:
    server = Server()
    for seconds in (0.0005, 0.002, 0.002, 60.0):
        server.loop_delay.observe(seconds)

    samples = server.samples()

    buckets = {
        dict(labels)["le"]: value
        for (name, labels), value in samples.items()
        if name == "realtime_loop_delay_seconds_bucket"
    }
    assert buckets["0.001"] == 1
    assert buckets["0.0025"] == buckets["5.0"] == 3
    assert buckets["+Inf"] == samples["realtime_loop_delay_seconds_count", ()] == 4


def test_process_figures_are_there() -> None:
    server = Server()

    assert server.value("process_resident_memory_bytes") > 1_000_000
    assert server.value("process_cpu_seconds_total") > 0


def test_two_servers_in_one_process_do_not_mix() -> None:
    one, other = Server(), Server()
    one.backend.counters.commits = 1

    assert other.value("realtime_commits_total") == 0


def test_paths_with_quotes_do_not_break_the_text() -> None:
    server = Server()
    server.backend.counters.result_encodings = Counter({'m:"f\n': 1})

    assert server.value("realtime_result_encodings_total", path='m:"f\n') == 1
