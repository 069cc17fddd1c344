"""The age of the standby as a metric, measured whether anybody reads from it or not."""

import math
import time

from prometheus_client import Gauge

from resilience import standby

INTERVAL = 5.0  # seconds

age = Gauge(
    "standby_age_seconds",
    "Seconds since the data of the standby were true. +Inf if it cannot be used.",
    multiprocess_mode="livemostrecent",
)


def observe() -> None:
    """Measure once. This makes the standby's probes, too."""
    found = standby.read(lambda: None)
    age.set(found.age if found else math.inf)


def run() -> None:
    """Measure every INTERVAL, for ever."""
    while True:
        observe()
        time.sleep(INTERVAL)
