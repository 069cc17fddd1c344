"""A slow dependency holds some threads, never all of them."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import pytest

from resilience import deadlines, scope
from resilience.breaker import Breaker
from resilience.bulkhead import STALL_TIMEOUT
from resilience.circuit import Outcome
from resilience.errors import CallFailed, CallRejected, TooManyCalls
from tests.resilience.doubles import Down

PERMITS = 3


def fail() -> None:
    raise Down


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(
        "thing",
        fail_max=1,
        reset_timeout=20,
        deadline=10,
        max_concurrent=PERMITS,
        classify=lambda error: Outcome.FAILURE if isinstance(error, Down) else Outcome.NEUTRAL,
        errors=(Down,),
    )


@pytest.fixture
def full(breaker: Breaker) -> Iterator[Callable[[], None]]:
    """A function that ends the calls that hold all permits."""
    finish = threading.Event()
    begun = threading.Semaphore(0)

    def hang() -> None:
        begun.release()
        finish.wait(10)

    with ThreadPoolExecutor(PERMITS) as pool:
        calls: list[Future[None]] = [pool.submit(breaker.call, hang) for _ in range(PERMITS)]
        for _ in calls:
            begun.acquire(timeout=10)

        def end() -> None:
            finish.set()
            for call in calls:
                call.result(10)

        yield end
        finish.set()


def test_call_without_a_permit_is_rejected_and_the_circuit_stays_closed(
    breaker: Breaker, full: Callable[[], None]
) -> None:
    started = time.monotonic()
    with pytest.raises(TooManyCalls) as raised:
        breaker.call(fail)
    assert time.monotonic() - started < 5 * STALL_TIMEOUT
    assert (raised.value.breaker, raised.value.retry_after) == ("thing", 1.0)
    assert breaker.state == "closed"
    full()
    assert breaker.call(lambda: "again") == "again"


def test_calls_are_rejected_at_once_during_a_stall(breaker: Breaker, full: Callable[[], None]) -> None:
    with pytest.raises(TooManyCalls):
        breaker.call(fail)
    started = time.monotonic()
    for _ in range(100):
        with pytest.raises(TooManyCalls):
            breaker.call(fail)
    assert time.monotonic() - started < 5 * STALL_TIMEOUT  # if each waited, it would be 100


def test_waiting_calls_are_rejected_once_a_stall_is_found(breaker: Breaker, full: Callable[[], None]) -> None:
    def wait() -> float:
        with pytest.raises(TooManyCalls):
            breaker.call(fail)
        return time.monotonic()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(wait)
        time.sleep(STALL_TIMEOUT / 2)
        second = pool.submit(wait)
    assert second.result() - first.result() < STALL_TIMEOUT / 4


def test_calls_wait_for_a_permit_while_calls_end(breaker: Breaker) -> None:
    pause = STALL_TIMEOUT / 3
    with ThreadPoolExecutor(PERMITS * 6) as pool:
        calls = [pool.submit(breaker.call, time.sleep, pause) for _ in range(PERMITS * 6)]
    # The last calls waited for longer than STALL_TIMEOUT, and it was no stall.
    assert [call.exception() for call in calls] == [None] * PERMITS * 6


@pytest.mark.slow
def test_the_wait_for_a_permit_is_bounded_by_the_deadline(breaker: Breaker) -> None:
    breaker.deadline = 3 * STALL_TIMEOUT
    over = threading.Event()

    def keep_busy() -> None:
        while not over.is_set():
            with suppress(TooManyCalls):
                breaker.call(time.sleep, STALL_TIMEOUT / 5)

    with ThreadPoolExecutor(PERMITS * 8) as pool:
        busy = [pool.submit(keep_busy) for _ in range(PERMITS * 7)]
        waits = []
        for _ in range(5):
            started = time.monotonic()
            with suppress(TooManyCalls):
                pool.submit(breaker.call, lambda: None).result()
            waits.append(time.monotonic() - started)
        over.set()
        for each in busy:
            each.result()
    assert max(waits) < 5 * breaker.deadline


def test_a_call_waits_at_most_half_of_the_deadline(breaker: Breaker, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float | None] = []
    monkeypatch.setattr(breaker._bulkhead, "acquire", lambda timeout, **permit: asked.append(timeout))
    with pytest.raises(TooManyCalls):
        breaker.call(lambda: None)
    assert asked == [5.0]


def test_waiting_call_is_rejected_when_the_circuit_opens(breaker: Breaker, full: Callable[[], None]) -> None:
    called: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(breaker.call, called.append, "called")
        time.sleep(STALL_TIMEOUT / 5)
        breaker.open_for(20)
        full()
        with pytest.raises(CallRejected):
            waiting.result(10)
    assert called == []


def test_wait_and_call_share_one_deadline(breaker: Breaker) -> None:
    breaker.deadline = 4 * STALL_TIMEOUT
    begun = threading.Barrier(PERMITS + 1)

    def hold() -> None:
        begun.wait(10)
        time.sleep(STALL_TIMEOUT / 2)

    with ThreadPoolExecutor(PERMITS) as pool:
        held = [pool.submit(breaker.call, hold) for _ in range(PERMITS)]
        begun.wait(10)
        left = breaker.call(deadlines.remaining)
        for each in held:
            each.result()
    assert left is not None
    assert left < breaker.deadline - STALL_TIMEOUT / 4


def test_calls_without_a_fallback_have_a_reserve(breaker: Breaker, full: Callable[[], None]) -> None:
    def write() -> str:
        with scope.reserve():
            return breaker.call(lambda: "written")

    def write_beside_another() -> None:
        with ThreadPoolExecutor(1) as pool, pytest.raises(TooManyCalls):
            pool.submit(write).result()

    assert write() == "written"
    with scope.reserve():
        breaker.call(write_beside_another)
    with pytest.raises(TooManyCalls):
        breaker.call(fail)


def test_reserved_permits_are_used_first(breaker: Breaker) -> None:
    def read_at_once() -> list[str]:
        with ThreadPoolExecutor(PERMITS) as pool:
            together = threading.Barrier(PERMITS)
            calls = [pool.submit(breaker.call, lambda: (together.wait(10) and "") or "read") for _ in range(PERMITS)]
            return [call.result() for call in calls]

    with scope.reserve():
        assert breaker.call(read_at_once) == ["read"] * PERMITS


def test_permits_are_released_whatever_the_call_raises(breaker: Breaker) -> None:
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        for _ in range(PERMITS + 1):
            with pytest.raises(error):
                breaker.call(_raise, error)
    assert breaker.call(lambda: "fine") == "fine"


def test_nested_call_needs_no_permit(breaker: Breaker) -> None:
    def nested(depth: int) -> str:
        return breaker.call(nested, depth - 1) if depth else "deep"

    assert nested(PERMITS + 2) == "deep"


def test_short_wait_gets_the_permit_of_a_call_that_ends(breaker: Breaker) -> None:
    with ThreadPoolExecutor(PERMITS * 2) as pool:
        calls = [pool.submit(breaker.call, time.sleep, 0.005) for _ in range(PERMITS * 2)]
    assert [call.exception() for call in calls] == [None] * PERMITS * 2


def test_probe_needs_no_permit(breaker: Breaker, full: Callable[[], None]) -> None:
    breaker.open_for(0)
    assert breaker.call(lambda: "a probe") == "a probe"
    assert breaker.state == "closed"


def test_probe_has_half_of_the_deadline(breaker: Breaker) -> None:
    assert breaker.call(deadlines.remaining) == pytest.approx(10, abs=1)
    breaker.open_for(0)
    assert breaker.call(deadlines.remaining) == pytest.approx(5, abs=1)


def test_open_circuit_rejects_without_waiting_for_a_permit(breaker: Breaker, full: Callable[[], None]) -> None:
    breaker.open_for(20)
    with pytest.raises(CallRejected):
        breaker.call(fail)


def test_without_max_concurrent_calls_are_not_limited() -> None:
    breaker = Breaker(
        "thing", fail_max=1, reset_timeout=20, classify=lambda error: Outcome.FAILURE, errors=(CallFailed,)
    )
    together = threading.Barrier(20)
    with ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(breaker.call, together.wait, 10) for _ in range(20)]
    assert sorted(call.result() for call in calls) == list(range(20))


def _raise(error: type[BaseException]) -> None:
    raise error
