"""The listener that counts for Prometheus. The only module of resilience that imports prometheus_client."""

from functools import cache

import pybreaker
from prometheus_client import Counter, Gauge

from resilience.events import Listener, StateChange
from resilience.provenance import SOURCES, Source

STATES = (pybreaker.STATE_CLOSED, pybreaker.STATE_OPEN, pybreaker.STATE_HALF_OPEN)

breaker_state = Gauge(
    "breaker_state",
    "Worker processes in which the breaker is in this state.",
    ["breaker", "state"],
    multiprocess_mode="livesum",
)
breaker_failures = Counter("breaker_failures", "Calls that failed and counted.", ["breaker"])
breaker_call_failures = Counter(
    "breaker_call_failures", "Calls that failed on their own and did not count: a slow statement, say.", ["breaker"]
)
breaker_rejections = Counter("breaker_rejections", "Calls that were not made.", ["breaker"])
answers = Counter("answers", "Answers to readers by where they came from.", ["breaker", "source"])
_answers = cache(answers.labels)  # labels() takes a lock


class MetricsListener(Listener):
    """Counts failures, rejections and answers, and shows the state."""

    def created(self, name: str, state: str) -> None:
        # All counters now: to Prometheus a counter that appears with its first event has not risen.
        _show_state(name, state)
        for counter in (breaker_failures, breaker_call_failures, breaker_rejections):
            counter.labels(name)
        for source in SOURCES:
            _answers(name, source)

    def state_change(self, change: StateChange) -> None:
        _show_state(change.name, change.to_state)

    def failure(self, name: str, error: BaseException) -> None:
        breaker_failures.labels(name).inc()

    def call_failed(self, name: str, error: BaseException) -> None:
        breaker_call_failures.labels(name).inc()

    def rejection(self, name: str, retry_after: float) -> None:
        breaker_rejections.labels(name).inc()

    def answered(self, name: str, source: Source) -> None:
        _answers(name, source).inc()


def _show_state(name: str, current: str) -> None:
    for state in STATES:
        breaker_state.labels(name, state).set(state == current)
