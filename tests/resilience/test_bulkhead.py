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

PLACES = 3


class Down(Exception):
    pass


def fail() -> None:
    raise Down


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(
        "thing",
        fail_max=1,
        reset_timeout=20,
        deadline=10,
        max_concurrent=PLACES,
        classify=lambda error: Outcome.FAILURE if isinstance(error, Down) else Outcome.NEUTRAL,
        errors=(Down,),
    )


@pytest.fixture
def full(breaker: Breaker) -> Iterator[Callable[[], None]]:
    """All places are held by calls that hang, until the function that this gives is called."""
    finish = threading.Event()
    begun = threading.Semaphore(0)

    def hang() -> None:
        begun.release()
        finish.wait(10)

    with ThreadPoolExecutor(PLACES) as pool:
        calls: list[Future[None]] = [pool.submit(breaker.call, hang) for _ in range(PLACES)]
        for _ in calls:
            begun.acquire(timeout=10)

        def end() -> None:
            finish.set()
            for call in calls:
                call.result(10)

        yield end
        finish.set()


def test_one_more_is_rejected_soon_and_the_breaker_stays_closed(breaker: Breaker, full: Callable[[], None]) -> None:
    started = time.monotonic()
    with pytest.raises(TooManyCalls) as raised:
        breaker.call(fail)
    assert time.monotonic() - started < 5 * STALL_TIMEOUT
    assert (raised.value.breaker, raised.value.retry_after) == ("thing", 1.0)
    assert breaker.state == "closed"
    full()
    assert breaker.call(lambda: "again") == "again"


def test_once_a_stall_is_known_nobody_waits(breaker: Breaker, full: Callable[[], None]) -> None:
    with pytest.raises(TooManyCalls):
        breaker.call(fail)
    started = time.monotonic()
    for _ in range(100):
        with pytest.raises(TooManyCalls):
            breaker.call(fail)
    assert time.monotonic() - started < 5 * STALL_TIMEOUT  # one wait each would be 100


def test_once_a_stall_is_known_whoever_came_later_waits_no_longer(breaker: Breaker, full: Callable[[], None]) -> None:
    def wait() -> float:
        with pytest.raises(TooManyCalls):
            breaker.call(fail)
        return time.monotonic()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(wait)
        time.sleep(STALL_TIMEOUT / 2)
        second = pool.submit(wait)
    assert second.result() - first.result() < STALL_TIMEOUT / 4


def test_while_calls_end_everybody_waits_for_a_permit(breaker: Breaker) -> None:
    pause = STALL_TIMEOUT / 3
    with ThreadPoolExecutor(PLACES * 6) as pool:
        calls = [pool.submit(breaker.call, time.sleep, pause) for _ in range(PLACES * 6)]
    # The last ones waited for longer than a stall lasts, and there was none.
    assert [call.exception() for call in calls] == [None] * PLACES * 6


def test_the_wait_for_a_permit_is_bounded_by_the_deadline(breaker: Breaker) -> None:
    breaker.deadline = 3 * STALL_TIMEOUT
    over = threading.Event()

    def keep_busy() -> None:
        while not over.is_set():
            with suppress(TooManyCalls):
                breaker.call(time.sleep, STALL_TIMEOUT / 5)

    with ThreadPoolExecutor(PLACES * 8) as pool:
        busy = [pool.submit(keep_busy) for _ in range(PLACES * 7)]
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


def test_half_of_the_deadline_is_left_to_a_call_that_waits(breaker: Breaker, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float | None] = []
    monkeypatch.setattr(breaker._bulkhead, "acquire", lambda timeout, **permit: asked.append(timeout))
    with pytest.raises(TooManyCalls):
        breaker.call(lambda: None)
    assert asked == [5.0]


def test_a_caller_that_waits_is_rejected_when_the_circuit_opens(breaker: Breaker, full: Callable[[], None]) -> None:
    called: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(breaker.call, called.append, "called")
        time.sleep(STALL_TIMEOUT / 5)
        breaker.open_for(20)
        full()
        with pytest.raises(CallRejected):
            waiting.result(10)
    assert called == []


def test_waiting_and_calling_share_one_deadline(breaker: Breaker) -> None:
    breaker.deadline = 4 * STALL_TIMEOUT
    begun = threading.Barrier(PLACES + 1)

    def hold() -> None:
        begun.wait(10)
        time.sleep(STALL_TIMEOUT / 2)

    with ThreadPoolExecutor(PLACES) as pool:
        held = [pool.submit(breaker.call, hold) for _ in range(PLACES)]
        begun.wait(10)
        left = breaker.call(deadlines.remaining)
        for each in held:
            each.result()
    assert left is not None
    assert left < breaker.deadline - STALL_TIMEOUT / 4


def test_what_has_no_fallback_has_a_reserve(breaker: Breaker, full: Callable[[], None]) -> None:
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


def test_the_reserve_is_used_first(breaker: Breaker) -> None:
    def read_at_once() -> list[str]:
        with ThreadPoolExecutor(PLACES) as pool:
            together = threading.Barrier(PLACES)
            calls = [pool.submit(breaker.call, lambda: (together.wait(10) and "") or "read") for _ in range(PLACES)]
            return [call.result() for call in calls]

    with scope.reserve():
        assert breaker.call(read_at_once) == ["read"] * PLACES


def test_places_come_back_whatever_becomes_of_the_call(breaker: Breaker) -> None:
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        for _ in range(PLACES + 1):
            with pytest.raises(error):
                breaker.call(_raise, error)
    assert breaker.call(lambda: "fine") == "fine"


def test_a_call_inside_of_a_call_needs_no_place(breaker: Breaker) -> None:
    def nested(depth: int) -> str:
        return breaker.call(nested, depth - 1) if depth else "deep"

    assert nested(PLACES + 2) == "deep"


def test_a_short_wait_finds_the_place_of_a_call_that_ends(breaker: Breaker) -> None:
    with ThreadPoolExecutor(PLACES * 2) as pool:
        calls = [pool.submit(breaker.call, time.sleep, 0.005) for _ in range(PLACES * 2)]
    assert [call.exception() for call in calls] == [None] * PLACES * 2


def test_a_trial_needs_no_place(breaker: Breaker, full: Callable[[], None]) -> None:
    breaker.open_for(0)
    assert breaker.call(lambda: "a probe") == "a probe"
    assert breaker.state == "closed"


def test_a_trial_has_half_of_the_time(breaker: Breaker) -> None:
    assert breaker.call(deadlines.remaining) == pytest.approx(10, abs=1)
    breaker.open_for(0)
    assert breaker.call(deadlines.remaining) == pytest.approx(5, abs=1)


def test_a_full_house_does_not_hide_an_open_circuit(breaker: Breaker, full: Callable[[], None]) -> None:
    breaker.open_for(20)
    with pytest.raises(CallRejected):
        breaker.call(fail)


def test_without_a_limit_there_is_none() -> None:
    breaker = Breaker(
        "thing", fail_max=1, reset_timeout=20, classify=lambda error: Outcome.FAILURE, errors=(CallFailed,)
    )
    together = threading.Barrier(20)
    with ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(breaker.call, together.wait, 10) for _ in range(20)]
    assert sorted(call.result() for call in calls) == list(range(20))


def _raise(error: type[BaseException]) -> None:
    raise error
