"""What Prometheus scrapes of the HTTP side. Under gunicorn the figures of all worker processes are summed."""

import os
from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

requests = Counter("http_requests", "Requests by view, method and status.", ["view", "method", "status"])
latency = Histogram(
    "http_request_seconds",
    "Seconds from the first middleware to the finished response.",
    ["view", "method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
# Found again by each request, without a lock.
_requests, _latency = cache(requests.labels), cache(latency.labels)


def observe(view: str, method: str | None, status: int, seconds: float) -> None:
    """Count one request. Unknown methods share a label, so that no client can make new ones without end."""
    label = method if method in METHODS else "other"
    _requests(view, label, status).inc()
    _latency(view, label).observe(seconds)


def exposition() -> bytes:
    """All metrics in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
