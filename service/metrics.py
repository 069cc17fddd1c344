"""HTTP metrics for Prometheus. Under gunicorn they are sums over all worker processes, ended ones included."""

import fcntl
import os
from collections.abc import Iterable
from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, Metric, generate_latest, multiprocess
from prometheus_client.registry import Collector

from service import dead_workers

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

requests = Counter("http_requests", "Requests by view, method and status.", ["view", "method", "status"])
latency = Histogram(
    "http_request_seconds",
    "Seconds from the first middleware to the finished response.",
    ["view", "method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
# Cached, because labels() takes a lock.
_requests, _latency = cache(requests.labels), cache(latency.labels)


def observe(view: str, method: str | None, status: int, seconds: float) -> None:
    """Count one request. Unknown methods share a label, so that no client can create labels."""
    label = method if method in METHODS else "other"
    _requests(view, label, status).inc()
    _latency(view, label).observe(seconds)


def exposition() -> bytes:
    """All metrics in the text format of Prometheus."""
    if dead_workers.FOLDER not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    registry.register(_AllProcesses())
    with dead_workers.folder_lock(fcntl.LOCK_SH):
        return generate_latest(registry)


class _AllProcesses(Collector):
    """The sums over the files of all worker processes."""

    def collect(self) -> Iterable[Metric]:
        files = [str(file) for file in dead_workers.folder().glob("*.db") if dead_workers.has_content(file)]
        return multiprocess.MultiProcessCollector.merge(files)  # type: ignore[no-any-return,no-untyped-call]
