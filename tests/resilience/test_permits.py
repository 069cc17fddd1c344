"""The permits of a bulkhead on their own: how many, who may have which, and how long anybody waits."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from resilience import bulkhead, scope
from resilience.bulkhead import STALL_TIMEOUT, Bulkhead, Permit


def take_all(permits: Bulkhead, *, may_use_reserve: bool = False) -> list[Permit]:
    """Every permit that can be had at once."""
    taken: list[Permit] = []
    while permit := permits.acquire(0, may_use_reserve=may_use_reserve):
        taken.append(permit)
    return taken


def waiting(pool: ThreadPoolExecutor, permits: Bulkhead, seconds: float | None) -> Future[Permit | None]:
    """A thread that waits for a permit, once it does."""
    before = permits._waiting
    future = pool.submit(permits.acquire, seconds)
    until = time.monotonic() + 10
    while permits._waiting == before and time.monotonic() < until:
        time.sleep(0.001)
    return future


@pytest.fixture
def slow_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stall that no test waits for."""
    monkeypatch.setattr(bulkhead, "STALL_TIMEOUT", 60)


def test_there_are_so_many_and_a_reserve_of_half_as_many() -> None:
    permits = Bulkhead(5)
    assert take_all(permits) == ["shared"] * 5
    assert take_all(permits, may_use_reserve=True) == ["reserved"] * 2
    assert take_all(permits) == []


def test_who_may_use_the_reserve_has_all() -> None:
    permits = Bulkhead(4)
    assert take_all(permits, may_use_reserve=True) == ["reserved"] * 2 + ["shared"] * 4


def test_a_permit_comes_back_to_where_it_was_taken_from() -> None:
    permits = Bulkhead(2)
    for permit in take_all(permits, may_use_reserve=True):
        permits.release(permit)
    assert take_all(permits) == ["shared"] * 2


def test_the_reserve_is_open_inside_of_its_block_only_however_that_ends() -> None:
    with pytest.raises(KeyError), scope.reserve():
        raise KeyError
    assert not scope.has_reserve()
    with scope.reserve():
        with scope.reserve(is_open=False):
            assert not scope.has_reserve()
        assert scope.has_reserve()


@pytest.mark.usefixtures("slow_stall")
def test_who_waits_has_the_permit_that_is_released() -> None:
    permits = Bulkhead(1)
    take_all(permits)
    with ThreadPoolExecutor(1) as pool:
        future = waiting(pool, permits, None)
        permits.release("shared")
        assert future.result(10) == "shared"


@pytest.mark.usefixtures("slow_stall")
def test_a_permit_that_one_may_not_use_goes_to_another() -> None:
    permits = Bulkhead(2)
    take_all(permits, may_use_reserve=True)
    with ThreadPoolExecutor(2) as pool:
        common = waiting(pool, permits, None)
        urgent = pool.submit(permits.acquire, 10, may_use_reserve=True)
        permits.release("reserved")
        assert urgent.result(5) == "reserved"
        permits.release("shared")
        assert common.result(5) == "shared"


def test_nobody_waits_for_longer_than_asked_for() -> None:
    permits = Bulkhead(1)
    take_all(permits)
    started = time.monotonic()
    assert permits.acquire(STALL_TIMEOUT / 4) is None
    assert time.monotonic() - started >= STALL_TIMEOUT / 4
    # That is no stall yet: the next one waits as well.
    started = time.monotonic()
    assert permits.acquire(STALL_TIMEOUT / 4) is None
    assert time.monotonic() - started >= STALL_TIMEOUT / 4


def test_a_stall_is_found_by_one_and_known_to_all() -> None:
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
def test_a_call_that_ends_ends_a_stall() -> None:
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
