"""What the server counts, as Prometheus text; the one module that knows prometheus_client.

Everywhere else counters are plain integers. They are read when somebody asks for `/metrics`, so
counting costs an addition and a server that nobody scrapes pays nothing more. The registry belongs
to one application: two apps in one process do not mix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from realtime.runtime.backend import Backend
from realtime.server.live_sockets import LiveSockets
from realtime.server.loop_delay import BUCKETS_SECONDS, LoopDelay

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


class Metrics:
    """The metrics of one application."""

    def __init__(self, backend: Backend, sockets: LiveSockets, loop_delay: LoopDelay) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_ServerCollector(backend, sockets, loop_delay))

    def render(self) -> bytes:
        """Return all metrics as they are now, in the text format."""
        return generate_latest(self._registry)


class _ServerCollector(Collector):
    """Reads the counters when it is scraped."""

    def __init__(self, backend: Backend, sockets: LiveSockets, loop_delay: LoopDelay) -> None:
        self._backend = backend
        self._sockets = sockets
        self._loop_delay = loop_delay

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the names are known without reading counters of a server at start."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they are now."""
        yield from self._function_metrics()
        yield from self._commit_metrics()
        yield _gauge(
            "realtime_subscriptions",
            "Queries that connected clients are subscribed to",
            self._backend.subscription_count,
        )
        yield _gauge(
            "realtime_running_actions",
            "Actions that have not ended",
            self._backend.running_action_count,
        )
        yield _gauge("realtime_sockets", "Connected clients", len(self._sockets))
        yield _loop_delay_histogram(self._loop_delay)

    def _function_metrics(self) -> Iterator[Metric]:
        counters = self._backend.counters
        runs = CounterMetricFamily(
            "realtime_function_runs", "Handlers run to their end", labels=["path", "kind"]
        )
        for (path, kind), count in sorted(counters.function_runs.items()):
            runs.add_metric([path, kind], count)
        yield runs
        encodings = CounterMetricFamily(
            "realtime_result_encodings", "Results encoded to JSON", labels=["path"]
        )
        for path, count in sorted(counters.result_encodings.items()):
            encodings.add_metric([path], count)
        yield encodings

    def _commit_metrics(self) -> Iterator[Metric]:
        counters = self._backend.counters
        yield CounterMetricFamily(
            "realtime_commits", "Mutations made durable", value=counters.commits
        )
        yield CounterMetricFamily(
            "realtime_commit_batches",
            "Commits to disk, each of one or more mutations",
            value=counters.commit_batches,
        )
        yield _gauge(
            "realtime_wal_size_bytes",
            "Size of the write-ahead log",
            self._backend.wal_size_bytes,
        )


def _gauge(name: str, documentation: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, value=value)


def _loop_delay_histogram(loop_delay: LoopDelay) -> HistogramMetricFamily:
    bounds = [*map(str, BUCKETS_SECONDS), "+Inf"]
    cumulative = accumulate(loop_delay.counts)
    return HistogramMetricFamily(
        "realtime_loop_delay_seconds",
        "How late the event loop ran a timer",
        buckets=list(zip(bounds, cumulative, strict=True)),
        sum_value=loop_delay.sum_seconds,
    )
