"""The permits of a bulkhead: how many, for whom, and how long a caller waits."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from resilience import bulkhead, scope
from resilience.bulkhead import STALL_TIMEOUT, Bulkhead, Permit


def take_all(permits: Bulkhead, *, may_use_reserve: bool = False) -> list[Permit]:
    """Acquire every free permit."""
    taken: list[Permit] = []
    while permit := permits.acquire(0, may_use_reserve=may_use_reserve):
        taken.append(permit)
    return taken


def waiting(pool: ThreadPoolExecutor, permits: Bulkhead, seconds: float | None) -> Future[Permit | None]:
    """Start a thread that waits for a permit; return once it waits."""
    before = permits._waiting
    future = pool.submit(permits.acquire, seconds)
    until = time.monotonic() + 10
    while permits._waiting == before and time.monotonic() < until:
        time.sleep(0.001)
    return future


@pytest.fixture
def slow_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes STALL_TIMEOUT longer than any test."""
    monkeypatch.setattr(bulkhead, "STALL_TIMEOUT", 60)


def test_reserve_is_half_of_the_permits() -> None:
    permits = Bulkhead(5)
    assert take_all(permits) == ["shared"] * 5
    assert take_all(permits, may_use_reserve=True) == ["reserved"] * 2
    assert take_all(permits) == []


def test_caller_with_the_reserve_can_use_all_permits() -> None:
    permits = Bulkhead(4)
    assert take_all(permits, may_use_reserve=True) == ["reserved"] * 2 + ["shared"] * 4


def test_released_permit_returns_to_its_pool() -> None:
    permits = Bulkhead(2)
    for permit in take_all(permits, may_use_reserve=True):
        permits.release(permit)
    assert take_all(permits) == ["shared"] * 2


def test_reserve_is_open_inside_of_its_block_only() -> None:
    with pytest.raises(KeyError), scope.reserve():
        raise KeyError
    assert not scope.has_reserve()
    with scope.reserve():
        with scope.reserve(is_open=False):
            assert not scope.has_reserve()
        assert scope.has_reserve()


@pytest.mark.usefixtures("slow_stall")
def test_waiting_caller_gets_a_released_permit() -> None:
    permits = Bulkhead(1)
    take_all(permits)
    with ThreadPoolExecutor(1) as pool:
        future = waiting(pool, permits, None)
        permits.release("shared")
        assert future.result(10) == "shared"


@pytest.mark.usefixtures("slow_stall")
def test_reserved_permit_goes_to_a_caller_that_may_use_it() -> None:
    permits = Bulkhead(2)
    take_all(permits, may_use_reserve=True)
    with ThreadPoolExecutor(2) as pool:
        common = waiting(pool, permits, None)
        urgent = pool.submit(permits.acquire, 10, may_use_reserve=True)
        permits.release("reserved")
        assert urgent.result(5) == "reserved"
        permits.release("shared")
        assert common.result(5) == "shared"


def test_wait_is_bounded_by_the_timeout() -> None:
    permits = Bulkhead(1)
    take_all(permits)
    started = time.monotonic()
    assert permits.acquire(STALL_TIMEOUT / 4) is None
    assert time.monotonic() - started >= STALL_TIMEOUT / 4
    # No stall yet, so the next caller waits too.
    started = time.monotonic()
    assert permits.acquire(STALL_TIMEOUT / 4) is None
    assert time.monotonic() - started >= STALL_TIMEOUT / 4


def test_stall_found_by_one_caller_is_known_to_all() -> None:
    permits = Bulkhead(1)
    take_all(permits)
    started = time.monotonic()
    assert permits.acquire(None) is None
    took = time.monotonic() - started
    assert STALL_TIMEOUT <= took < 5 * STALL_TIMEOUT
    started = time.monotonic()
    assert [permits.acquire(60) for _ in range(20)] == [None] * 20
    assert time.monotonic() - started < STALL_TIMEOUT


@pytest.mark.usefixtures("slow_stall")
def test_release_ends_a_stall() -> None:
    permits = Bulkhead(2)
    take_all(permits)
    permits._is_stalled = True
    permits.release("shared")
    assert permits.acquire(0) == "shared"
    with ThreadPoolExecutor(1) as pool:
        future = waiting(pool, permits, None)
        assert not future.done()
        permits.release("shared")
        assert future.result(10) == "shared"
