"""`make bench-breaker`: the overhead of a breaker, compared with pybreaker alone and with no breaker.

Microseconds per call, as the median of alternating rounds. The protected function does nothing. ``open`` includes
raising and catching the rejection. ``as served`` has the listeners for the log and the metrics.
Usage: python -m benchmarks.breaker
"""

import json
import logging
import os
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pybreaker

from resilience.breaker import Breaker
from resilience.circuit import Outcome
from resilience.errors import CallFailed, CallRejected
from resilience.events import Listener
from resilience.listeners import LoggingListener
from resilience.metrics import MetricsListener
from service.logs import JSONFormatter

ROUNDS, CALLS = 25, 20_000
RESULT = Path(__file__).resolve().parent / "results" / "breaker.json"


def nothing() -> None:
    pass


def fail() -> None:
    raise OSError


def failure(error: BaseException) -> Outcome:
    return Outcome.FAILURE


def closed(*listeners: Listener, deadline: float | None = 2.0, permits: int | None = 4) -> Breaker:
    return Breaker(
        "b",
        fail_max=1,
        reset_timeout=3600,
        deadline=deadline,
        max_concurrent=permits,
        classify=failure,
        errors=(OSError,),
        listeners=listeners,
    )


def opened(*listeners: Listener) -> Breaker:
    breaker = closed(*listeners)
    with suppress(CallFailed):
        breaker.call(fail)
    return breaker


def rejected(call: Callable[[Callable[[], None]], None], error: type[Exception]) -> Callable[[], None]:
    def attempt() -> None:
        try:
            call(nothing)
        except error:
            return
        raise AssertionError("the call was not rejected")

    return attempt


def subjects() -> dict[str, Callable[[], object]]:
    bare, bare_open = pybreaker.CircuitBreaker(), pybreaker.CircuitBreaker()
    bare_open.open()
    bounded, unbounded = closed(), closed(deadline=None, permits=None)
    return {
        "no breaker": lambda: nothing(),
        "pybreaker, closed": lambda: bare.call(nothing),
        "Breaker, closed, no bounds": lambda: unbounded.call(nothing),
        "Breaker, closed": lambda: bounded.call(nothing),
        "pybreaker, open": rejected(bare_open.call, pybreaker.CircuitBreakerError),
        "Breaker, open": rejected(opened().call, CallRejected),
        "Breaker, open, as served": rejected(opened(LoggingListener(), MetricsListener()).call, CallRejected),
    }


def microseconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - started) / CALLS * 1e6


def main() -> None:
    handler = logging.StreamHandler(Path(os.devnull).open("w"))  # noqa: SIM115  open as long as the process
    handler.setFormatter(JSONFormatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    calls = subjects()
    rounds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):  # alternating, so that a busy moment of the machine affects all of them
        for name, call in calls.items():
            rounds[name].append(microseconds(call))
    figures = {name: round(statistics.median(times), 2) for name, times in rounds.items()}
    for name, figure in figures.items():
        print(f"{name:32} {figure:6.2f} µs per call")
    RESULT.write_text(json.dumps({"microseconds_a_call": figures}, indent=2) + "\n")
    print(f"written to {RESULT}")


if __name__ == "__main__":
    main()
