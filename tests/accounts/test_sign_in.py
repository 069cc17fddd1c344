"""Limits on guessing passwords."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from accounts.sign_in import (
    FORGET_AFTER,
    FREE,
    MANY,
    MAX_KEYS,
    MAX_WAIT,
    QUEUE_TIMEOUT,
    TRUST_FOR,
    Attempt,
    Failures,
    Limits,
    Queue,
)

HERE, THERE = "192.0.2.1", "192.0.2.2"
NOBODY = ""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> Limits:
    return Limits(threads=4, clock=clock)


def attempt(limits: Limits, address: str, name: str, *, is_right: bool = False) -> float:
    """Make an attempt. Return its ``retry_after``."""
    made = limits.attempt(address, name)
    if not made.retry_after:
        made.settle(is_right)
    made.end()
    return made.retry_after


def fail(limits: Limits, address: str, name: str, times: int) -> None:
    for _ in range(times):
        assert attempt(limits, address, name) == 0


def until(holds: Callable[[], object]) -> None:
    while not holds():
        time.sleep(0.001)


@pytest.mark.parametrize("name", ["anna", NOBODY])
def test_after_a_few_failures_each_further_attempt_waits_twice_as_long(limits: Limits, clock: Clock, name: str) -> None:
    fail(limits, HERE, name, FREE)
    waits = []
    for _ in range(13):
        waits.append(attempt(limits, HERE, name))
        clock.now += waits[-1] - 0.25
        assert attempt(limits, HERE, name) == 0.25
        clock.now += 1.25  # and a little longer
        fail(limits, HERE, name, 1)
    assert waits == [*(2.0**n for n in range(10)), MAX_WAIT, MAX_WAIT, MAX_WAIT]


def test_made_up_names_count_as_one_and_cost_no_user_attempts(limits: Limits) -> None:
    fail(limits, HERE, NOBODY, FREE)
    assert attempt(limits, HERE, NOBODY) > 0
    assert attempt(limits, THERE, NOBODY) == 0
    assert attempt(limits, HERE, "anna", is_right=True) == 0


def test_guesses_from_one_address_do_not_lock_the_user_out_elsewhere(limits: Limits) -> None:
    fail(limits, HERE, "anna", FREE)
    assert attempt(limits, HERE, "anna", is_right=True) > 0
    assert attempt(limits, THERE, "anna", is_right=True) == 0


def test_a_right_password_clears_the_failures_of_the_pair(limits: Limits) -> None:
    fail(limits, HERE, "anna", FREE - 1)
    assert attempt(limits, HERE, "anna", is_right=True) == 0
    fail(limits, HERE, "anna", FREE)
    assert attempt(limits, HERE, "anna") > 0


def test_a_right_password_does_not_clear_the_failures_of_the_address(limits: Limits) -> None:
    for number in range(MANY):
        fail(limits, HERE, f"user {number}", 1)
        assert attempt(limits, HERE, "mallory", is_right=True) == 0
    fail(limits, HERE, "anna", 1)
    assert attempt(limits, HERE, "anna") > 0


def test_an_address_with_many_failures_has_one_attempt_per_user(limits: Limits) -> None:
    for number in range(MANY - 1):
        fail(limits, HERE, f"user {number}", 1)
    fail(limits, HERE, "anna", 1)
    assert attempt(limits, HERE, "anna") == 1
    assert attempt(limits, HERE, "ben", is_right=True) == 0


def test_a_user_with_many_failures_has_one_attempt_per_address(limits: Limits) -> None:
    for number in range(MANY - 1):
        fail(limits, f"198.51.100.{number}", "anna", 1)
    fail(limits, HERE, "anna", 1)
    assert attempt(limits, HERE, "anna") > 0
    assert attempt(limits, THERE, "anna", is_right=True) == 0
    assert attempt(limits, HERE, "ben", is_right=True) == 0


def test_failures_expire(limits: Limits, clock: Clock) -> None:
    for number in range(MANY):
        fail(limits, HERE, f"user {number}", 1)
    clock.now += FORGET_AFTER
    fail(limits, HERE, "user 1", FREE)


@pytest.mark.slow
def test_memory_is_bounded(limits: Limits) -> None:
    for number in range(MAX_KEYS):
        fail(limits, f"address {number}", "anna", 1)
    assert len(limits._failures._failures) == MAX_KEYS


@pytest.fixture
def begun() -> Any:
    """A function that begins an attempt in a thread. All attempts end with the test."""
    with ThreadPoolExecutor(8) as pool:
        made: list[Attempt] = []

        def begin(limits: Limits, address: str, name: str) -> Any:
            def make() -> Attempt:
                made.append(limits.attempt(address, name))
                return made[-1]

            return pool.submit(make)

        yield begin
        for each in made:
            each.end()


def test_one_stranger_and_one_other_are_checked_at_a_time(limits: Limits) -> None:
    fail(limits, HERE, "guessed", 1)
    guessing = limits.attempt(HERE, "guessed")
    assert guessing.retry_after == 0
    assert limits.attempt(HERE, "guessed").retry_after == 1  # this pair has failed: it does not wait
    assert limits.attempt(THERE, NOBODY).retry_after == 1
    elsewhere = limits.attempt(THERE, "anna")
    assert elsewhere.retry_after == 0
    for each in (guessing, elsewhere):
        each.end()


@pytest.mark.parametrize(("address", "name"), [(HERE, "anna"), (THERE, "guessed")])
def test_a_user_waits_in_the_queue_beside_a_guesser(begun: Callable[..., Any], address: str, name: str) -> None:
    limits = Limits(threads=2)
    fail(limits, HERE, "guessed", 1)
    guessing = limits.attempt(HERE, "guessed")
    waiting = begun(limits, address, name)
    until(lambda: limits._queue._waiting)
    assert limits.attempt(address, "ben" if address == HERE else name).retry_after == 1  # the queue is full
    assert not waiting.done()
    guessing.end()
    assert waiting.result(5).retry_after == 0


def test_many_attempts_at_once_do_not_all_count_as_the_first(limits: Limits) -> None:
    tried = [limits.attempt(HERE, "anna") for _ in range(10)]
    assert [each.retry_after for each in tried] == [0, 0] + [1] * 8  # one stranger, one other
    assert limits.attempt(HERE, "anna").retry_after == 1
    for each in tried:
        each.end()


@pytest.mark.parametrize(("name", "may_wait"), [("guessed", False), (NOBODY, False), ("anna", True)])
def test_only_an_attempt_at_a_user_whose_pair_has_no_failures_waits(
    limits: Limits, monkeypatch: pytest.MonkeyPatch, name: str, may_wait: bool
) -> None:
    fail(limits, HERE, "guessed", 1)
    asked: list[float] = []
    monkeypatch.setattr(limits._queue, "enter", lambda is_stranger, rank, timeout: asked.append(timeout))
    assert limits.attempt(HERE, name).retry_after == 1
    assert asked == [QUEUE_TIMEOUT if may_wait else 0]


def test_a_user_waits_while_another_one_is_guessed_at(limits: Limits, begun: Callable[..., Any]) -> None:
    guesses = [limits.attempt(HERE, "anna") for _ in range(2)]
    waiting = begun(limits, HERE, "ben")
    until(lambda: limits._queue._waiting)
    for each in guesses:
        each.settle(False)
        each.end()
    assert waiting.result(5).retry_after == 0


def test_a_trusted_pair_does_not_wait_for_strangers(limits: Limits) -> None:
    assert attempt(limits, HERE, "ben", is_right=True) == 0
    fail(limits, HERE, "user 1", 1)
    guessing = limits.attempt(HERE, "user 2")
    for _ in range(2):
        assert attempt(limits, HERE, "ben", is_right=True) == 0
    assert attempt(limits, HERE, "ben") == 0
    assert attempt(limits, HERE, "ben") == 1  # now a stranger, and another one is being checked
    guessing.end()


def test_an_attempt_that_was_not_settled_does_not_count(limits: Limits) -> None:
    for _ in range(MANY + FREE):
        limits.attempt(HERE, "anna").end()
    assert not limits._failures._failures


def test_trust_expires(limits: Limits, clock: Clock) -> None:
    assert attempt(limits, HERE, "ben", is_right=True) == 0
    clock.now += TRUST_FOR
    fail(limits, HERE, "user 1", 1)
    guessing = limits.attempt(HERE, "user 1")
    assert limits._failures._trusted.currsize == 0
    guessing.end()


def test_equal_ranks_are_admitted_in_order() -> None:
    queue = Queue(2)
    assert queue.enter(True, lambda: (0,), 0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(queue.enter, True, lambda: (0,), 5)
        until(lambda: queue._waiting)
        with queue._changed:  # held, so that the waiter cannot wake up yet
            queue.leave(True)
            assert not queue.enter(True, lambda: (0,), 0)
        assert waiting.result(5)


def test_the_first_rank_is_admitted_first_and_the_last_is_refused_when_full() -> None:
    queue = Queue(3)
    assert queue.enter(True, lambda: (0, 0), 0)
    with ThreadPoolExecutor(3) as pool:
        last = pool.submit(queue.enter, True, lambda: (1, 0), 30)
        until(lambda: len(queue._waiting) == 1)
        middle = pool.submit(queue.enter, True, lambda: (0, 1), 30)
        until(lambda: len(queue._waiting) == 2)
        first = pool.submit(queue.enter, True, lambda: (0, 0), 30)
        assert not last.result(5)
        queue.leave(True)
        assert first.result(5)
        assert not middle.done()
        queue.leave(True)
        assert middle.result(5)


def test_a_full_queue_refuses_strangers_before_others() -> None:
    queue = Queue(2)
    assert queue.enter(True, lambda: (0,), 0)
    with ThreadPoolExecutor(1) as pool:
        stranger = pool.submit(queue.enter, True, lambda: (0,), 30)
        until(lambda: queue._waiting)
        assert queue.enter(False, lambda: (9,), 0)
        assert not stranger.result(5)
    assert not queue.enter(True, lambda: (0,), 30)  # the queue is full: refused at once


def test_a_waiter_leaves_the_queue_after_its_timeout() -> None:
    queue = Queue(2)
    assert queue.enter(True, lambda: (0,), 0)
    assert not queue.enter(True, lambda: (0,), 0.01)
    assert not queue._waiting
    queue.leave(True)
    assert queue.enter(True, lambda: (0,), 0)


@pytest.mark.parametrize("threads", [1, 2, 4, 10])
def test_attempts_hold_a_bounded_number_of_threads(threads: int) -> None:
    assert Limits(threads)._queue._capacity == max(2, threads)


def test_a_new_name_ranks_before_one_that_came_back_too_soon(begun: Callable[..., Any]) -> None:
    limits = Limits(threads=2)
    fail(limits, HERE, "user 1", 1)
    guessing = limits.attempt(HERE, "user 2")
    waiting = begun(limits, HERE, "user 3")
    until(lambda: limits._queue._waiting)
    assert limits.attempt(HERE, "user 4").retry_after == 1
    guessing.end()
    assert waiting.result(5).retry_after == 0
    again = begun(limits, HERE, "user 4")
    until(lambda: limits._queue._waiting)
    ben = begun(limits, HERE, "ben")
    assert again.result(5).retry_after == 1
    waiting.result().end()
    assert ben.result(5).retry_after == 0


def test_a_name_that_waited_as_told_ranks_before_a_new_one(begun: Callable[..., Any], clock: Clock) -> None:
    limits = Limits(threads=2, clock=clock)
    fail(limits, HERE, "user 1", 1)
    guessing = limits.attempt(HERE, "user 2")
    waiting = begun(limits, HERE, "user 3")
    until(lambda: limits._queue._waiting)
    assert limits.attempt(HERE, "ben").retry_after == 1
    clock.now += 1
    guessing.end()
    assert waiting.result(5).retry_after == 0
    new = begun(limits, HERE, "user 4")
    until(lambda: limits._queue._waiting)
    ben = begun(limits, HERE, "ben")
    assert new.result(5).retry_after == 1  # it ranks last in the full queue
    waiting.result().end()
    assert ben.result(5).retry_after == 0


def test_the_first_refusal_is_kept_for_a_minute(clock: Clock) -> None:
    failures = Failures(clock)
    failures.note_refusal(("pair",))
    clock.now += 30
    failures.note_refusal(("pair",))
    clock.now += 30
    assert failures.rank_by_refusal(("pair",)) == (0, 1000)
    clock.now += 1
    assert failures.rank_by_refusal(("pair",)) == (1, 0)


def test_a_queue_is_safe_for_many_threads() -> None:
    queue, inside, most = Queue(9), [0], [0]
    lock = threading.Lock()

    def go() -> None:
        assert queue.enter(True, lambda: (0,), 30)
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        with lock:
            inside[0] -= 1
        queue.leave(True)

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(go) for _ in range(200)]:
            each.result()
    assert most == [1]
