"""Who hears of a breaker's events: the log and the metrics."""

import logging
from functools import cache

import pybreaker
from prometheus_client import Counter, Gauge

from resilience.events import Listener
from resilience.provenance import SOURCES, Source

logger = logging.getLogger("resilience.breaker")

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
_answers = cache(answers.labels)  # found again by each read, without a lock


class LoggingListener(Listener):
    """One structured line for each change of state, failure and override."""

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: object, new_state: object) -> None:
        change = {"from_state": getattr(old_state, "name", None), "to_state": getattr(new_state, "name", None)}
        logger.warning("breaker changed state", extra={"breaker": cb.name, "event": "state_change", **change})

    def failure(self, cb: pybreaker.CircuitBreaker, exc: BaseException) -> None:
        logger.warning("protected call failed", extra={"breaker": cb.name, "event": "failure", **_described(exc)})

    def call_failed(self, cb: pybreaker.CircuitBreaker, exc: BaseException) -> None:
        logger.warning("call failed on its own", extra={"breaker": cb.name, "event": "call_failed", **_described(exc)})

    def rejection(self, cb: pybreaker.CircuitBreaker, retry_after: float) -> None:
        # Each request of an outage has some: they are counted, and logged for those who ask for it.
        if logger.isEnabledFor(logging.DEBUG):
            wait = {"retry_after": round(retry_after, 1)}
            logger.debug("call rejected", extra={"breaker": cb.name, "event": "rejection", **wait})

    def overridden(self, cb: pybreaker.CircuitBreaker, action: str, by: str) -> None:
        who = {"action": action, "by": by}
        logger.warning("breaker overridden", extra={"breaker": cb.name, "event": "overridden", **who})


def _described(exc: BaseException) -> dict[str, str]:
    return {"error": type(exc).__name__, "cause": str(exc).strip()}


class MetricsListener(Listener):
    """Counts what the log tells, for Prometheus."""

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: object, new_state: object) -> None:
        show_state(str(cb.name), getattr(new_state, "name", ""))

    def failure(self, cb: pybreaker.CircuitBreaker, exc: BaseException) -> None:
        breaker_failures.labels(cb.name).inc()

    def call_failed(self, cb: pybreaker.CircuitBreaker, exc: BaseException) -> None:
        breaker_call_failures.labels(cb.name).inc()

    def rejection(self, cb: pybreaker.CircuitBreaker, retry_after: float) -> None:
        breaker_rejections.labels(cb.name).inc()


def begin(breaker: str, state: str) -> None:
    """Show a new breaker, its counters too: to Prometheus a counter that appears with its first event has not risen."""
    show_state(breaker, state)
    for counter in (breaker_failures, breaker_call_failures, breaker_rejections):
        counter.labels(breaker)
    for source in SOURCES:
        _answers(breaker, source)


def show_state(breaker: str, current: str) -> None:
    """Set the state gauges of one breaker in this process."""
    for state in STATES:
        breaker_state.labels(breaker, state).set(state == current)


def count_answer(breaker: str, source: Source) -> None:
    _answers(breaker, source).inc()
