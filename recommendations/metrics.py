"""What /metrics tells about recommendations. Their latency is in http_request_seconds, by view."""

import math
from collections.abc import Iterable
from datetime import datetime
from functools import cache

from django.utils import timezone
from prometheus_client import Counter, Gauge

from recommendations.candidates import SOURCES, Recommended

LISTS = ("similar", "for-reviewer", "for-products", "popular")  # the names of their views

build_age = Gauge(
    "recommendations_build_age_seconds",
    "Seconds since the active build finished, at the latest lookup, one a minute of requests. +Inf without a build.",
    multiprocess_mode="livemostrecent",
)
products = Counter("recommendations_products", "Recommended products by list and source.", ["list", "source"])
_products = cache(products.labels)  # labels() takes a lock

for _list in LISTS:  # all now: to Prometheus a counter that appears with its first event has not risen
    for _source in SOURCES:
        _products(_list, _source)


def observe_list(name: str, recommended: Iterable[Recommended]) -> None:
    """Count the products of a list that was answered."""
    for each in recommended:
        _products(name, each.source).inc()


def observe_build(finished_at: datetime | None) -> None:
    """Note the age of the active build."""
    build_age.set((timezone.now() - finished_at).total_seconds() if finished_at else math.inf)
