"""How often passwords may be tried."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from accounts.sign_in import (
    FORGOTTEN_AFTER,
    FREE,
    LONGEST_WAIT,
    MANY,
    QUEUE_TIMEOUT,
    REMEMBERED,
    TRUSTED_FOR,
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
    """Makes one, and tells how long it has to wait instead."""
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
def test_after_a_few_failures_each_further_try_waits_twice_as_long(limits: Limits, clock: Clock, name: str) -> None:
    fail(limits, HERE, name, FREE)
    waits = []
    for _ in range(13):
        waits.append(attempt(limits, HERE, name))
        clock.now += waits[-1] - 0.25
        assert attempt(limits, HERE, name) == 0.25
        clock.now += 1.25  # and a little longer
        fail(limits, HERE, name, 1)
    assert waits == [*(2.0**n for n in range(10)), LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT]


def test_made_up_names_of_one_address_buy_no_tries_and_cost_no_user_theirs(limits: Limits) -> None:
    fail(limits, HERE, NOBODY, FREE)
    assert attempt(limits, HERE, NOBODY) > 0
    assert attempt(limits, THERE, NOBODY) == 0
    assert attempt(limits, HERE, "anna", is_right=True) == 0


def test_who_guesses_a_name_locks_its_user_out_from_nowhere_else(limits: Limits) -> None:
    fail(limits, HERE, "anna", FREE)
    assert attempt(limits, HERE, "anna", is_right=True) > 0
    assert attempt(limits, THERE, "anna", is_right=True) == 0


def test_the_right_password_forgives_the_pair(limits: Limits) -> None:
    fail(limits, HERE, "anna", FREE - 1)
    assert attempt(limits, HERE, "anna", is_right=True) == 0
    fail(limits, HERE, "anna", FREE)
    assert attempt(limits, HERE, "anna") > 0


def test_the_right_password_of_ones_own_does_not_clear_the_address(limits: Limits) -> None:
    for number in range(MANY):
        fail(limits, HERE, f"user {number}", 1)
        assert attempt(limits, HERE, "mallory", is_right=True) == 0
    fail(limits, HERE, "anna", 1)
    assert attempt(limits, HERE, "anna") > 0


def test_an_address_that_tries_many_users_has_one_try_of_each(limits: Limits) -> None:
    for number in range(MANY - 1):
        fail(limits, HERE, f"user {number}", 1)
    fail(limits, HERE, "anna", 1)
    assert attempt(limits, HERE, "anna") == 1
    assert attempt(limits, HERE, "ben", is_right=True) == 0


def test_a_user_whom_many_addresses_try_has_one_try_from_each(limits: Limits) -> None:
    for number in range(MANY - 1):
        fail(limits, f"198.51.100.{number}", "anna", 1)
    fail(limits, HERE, "anna", 1)
    assert attempt(limits, HERE, "anna") > 0
    assert attempt(limits, THERE, "anna", is_right=True) == 0
    assert attempt(limits, HERE, "ben", is_right=True) == 0


def test_it_is_forgotten(limits: Limits, clock: Clock) -> None:
    for number in range(MANY):
        fail(limits, HERE, f"user {number}", 1)
    clock.now += FORGOTTEN_AFTER
    fail(limits, HERE, "user 1", FREE)


def test_memory_is_bounded(limits: Limits) -> None:
    for number in range(REMEMBERED):
        fail(limits, f"address {number}", "anna", 1)
    assert len(limits._failures._latest) == REMEMBERED


@pytest.fixture
def begun() -> Any:
    """Makes an attempt in a thread; ends them all."""
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


def test_one_password_is_checked_at_a_time_for_strangers_and_others_are_not_in_their_way(limits: Limits) -> None:
    fail(limits, HERE, "guessed", 1)
    guessing = limits.attempt(HERE, "guessed")
    assert guessing.retry_after == 0
    assert limits.attempt(HERE, "guessed").retry_after == 1  # has failed here: does not stand in line
    assert limits.attempt(THERE, NOBODY).retry_after == 1
    elsewhere = limits.attempt(THERE, "anna")
    assert elsewhere.retry_after == 0
    for each in (guessing, elsewhere):
        each.end()


@pytest.mark.parametrize(("address", "name"), [(HERE, "anna"), (THERE, "guessed")])
def test_a_user_stands_in_line_beside_a_guesser(begun: Callable[..., Any], address: str, name: str) -> None:
    limits = Limits(threads=2)
    fail(limits, HERE, "guessed", 1)
    guessing = limits.attempt(HERE, "guessed")
    waiting = begun(limits, address, name)
    until(lambda: limits._line._waiting)
    assert limits.attempt(address, "ben" if address == HERE else name).retry_after == 1  # the line is full
    assert not waiting.done()
    guessing.end()
    assert waiting.result(5).retry_after == 0


def test_many_at_once_are_not_taken_for_the_first(limits: Limits) -> None:
    tried = [limits.attempt(HERE, "anna") for _ in range(10)]
    assert [each.retry_after for each in tried] == [0, 0] + [1] * 8  # one in each lane
    assert limits.attempt(HERE, "anna").retry_after == 1
    for each in tried:
        each.end()


@pytest.mark.parametrize(("name", "may_stand_in_line"), [("guessed", False), (NOBODY, False), ("anna", True)])
def test_only_for_a_user_whom_the_address_has_not_failed_with_a_thread_stands_in_line(
    limits: Limits, monkeypatch: pytest.MonkeyPatch, name: str, may_stand_in_line: bool
) -> None:
    fail(limits, HERE, "guessed", 1)
    asked: list[float] = []
    monkeypatch.setattr(limits._line, "enter", lambda is_stranger, rank, patience: asked.append(patience))
    assert limits.attempt(HERE, name).retry_after == 1
    assert asked == [QUEUE_TIMEOUT if may_stand_in_line else 0]


def test_while_one_user_is_guessed_at_once_another_one_stands_in_line(
    limits: Limits, begun: Callable[..., Any]
) -> None:
    guesses = [limits.attempt(HERE, "anna") for _ in range(2)]
    waiting = begun(limits, HERE, "ben")
    until(lambda: limits._line._waiting)
    for each in guesses:
        each.settle(False)
        each.end()
    assert waiting.result(5).retry_after == 0


def test_who_has_signed_in_from_there_does_not_wait_for_those_who_guess_many_users(limits: Limits) -> None:
    assert attempt(limits, HERE, "ben", is_right=True) == 0
    fail(limits, HERE, "user 1", 1)
    guessing = limits.attempt(HERE, "user 2")
    for _ in range(2):
        assert attempt(limits, HERE, "ben", is_right=True) == 0
    assert attempt(limits, HERE, "ben") == 0
    assert attempt(limits, HERE, "ben") == 1  # in the lane of strangers, which is taken
    guessing.end()


def test_what_was_never_settled_counts_for_nothing(limits: Limits) -> None:
    for _ in range(MANY + FREE):
        limits.attempt(HERE, "anna").end()
    assert not limits._failures._latest


def test_it_is_not_trusted_for_ever(limits: Limits, clock: Clock) -> None:
    assert attempt(limits, HERE, "ben", is_right=True) == 0
    clock.now += TRUSTED_FOR
    fail(limits, HERE, "user 1", 1)
    guessing = limits.attempt(HERE, "user 1")
    assert limits._failures._trusted.currsize == 0
    guessing.end()


def test_nobody_passes_those_in_line_who_rank_the_same() -> None:
    line = Queue(2)
    assert line.enter(True, lambda: (0,), 0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(line.enter, True, lambda: (0,), 5)
        until(lambda: line._waiting)
        with line._changed:  # held, so that the one in line cannot wake up yet
            line.leave(True)
            assert not line.enter(True, lambda: (0,), 0)
        assert waiting.result(5)


def test_who_ranks_first_goes_first_and_who_ranks_last_makes_room() -> None:
    line = Queue(3)
    assert line.enter(True, lambda: (0, 0), 0)
    with ThreadPoolExecutor(3) as pool:
        last = pool.submit(line.enter, True, lambda: (1, 0), 30)
        until(lambda: len(line._waiting) == 1)
        middle = pool.submit(line.enter, True, lambda: (0, 1), 30)
        until(lambda: len(line._waiting) == 2)
        first = pool.submit(line.enter, True, lambda: (0, 0), 30)
        assert not last.result(5)
        line.leave(True)
        assert first.result(5)
        assert not middle.done()
        line.leave(True)
        assert middle.result(5)


def test_strangers_make_room_for_others_and_never_the_other_way_round() -> None:
    line = Queue(2)
    assert line.enter(True, lambda: (0,), 0)
    with ThreadPoolExecutor(1) as pool:
        stranger = pool.submit(line.enter, True, lambda: (0,), 30)
        until(lambda: line._waiting)
        assert line.enter(False, lambda: (9,), 0)
        assert not stranger.result(5)
    assert not line.enter(True, lambda: (0,), 30)  # there is no room, so it is turned away at once


def test_who_stood_in_line_in_vain_leaves_it() -> None:
    line = Queue(2)
    assert line.enter(True, lambda: (0,), 0)
    assert not line.enter(True, lambda: (0,), 0.01)
    assert not line._waiting
    line.leave(True)
    assert line.enter(True, lambda: (0,), 0)


@pytest.mark.parametrize("threads", [1, 2, 4, 10])
def test_sign_ins_hold_so_many_threads_and_no_more(threads: int) -> None:
    assert Limits(threads)._line._most == max(2, threads)


def test_a_user_nobody_guesses_at_goes_ahead_of_one_who_comes_back_too_soon(begun: Callable[..., Any]) -> None:
    limits = Limits(threads=2)
    fail(limits, HERE, "user 1", 1)
    guessing = limits.attempt(HERE, "user 2")
    waiting = begun(limits, HERE, "user 3")
    until(lambda: limits._line._waiting)
    assert limits.attempt(HERE, "user 4").retry_after == 1
    guessing.end()
    assert waiting.result(5).retry_after == 0
    again = begun(limits, HERE, "user 4")
    until(lambda: limits._line._waiting)
    ben = begun(limits, HERE, "ben")
    assert again.result(5).retry_after == 1
    waiting.result().end()
    assert ben.result(5).retry_after == 0


def test_who_waits_as_told_goes_ahead_of_new_names(begun: Callable[..., Any], clock: Clock) -> None:
    limits = Limits(threads=2, clock=clock)
    fail(limits, HERE, "user 1", 1)
    guessing = limits.attempt(HERE, "user 2")
    waiting = begun(limits, HERE, "user 3")
    until(lambda: limits._line._waiting)
    assert limits.attempt(HERE, "ben").retry_after == 1
    clock.now += 1
    guessing.end()
    assert waiting.result(5).retry_after == 0
    new = begun(limits, HERE, "user 4")
    until(lambda: limits._line._waiting)
    ben = begun(limits, HERE, "ben")
    assert new.result(5).retry_after == 1  # it makes room
    waiting.result().end()
    assert ben.result(5).retry_after == 0


def test_a_turn_is_kept_for_a_minute(clock: Clock) -> None:
    failures = Failures(clock)
    failures.turn_away(("pair",))
    clock.now += 30
    failures.turn_away(("pair",))
    clock.now += 30
    assert failures.turn(("pair",)) == (0, 1000)
    clock.now += 1
    assert failures.turn(("pair",)) == (1, 0)


def test_a_line_is_safe_for_many_threads() -> None:
    line, inside, most = Queue(9), [0], [0]
    lock = threading.Lock()

    def go() -> None:
        assert line.enter(True, lambda: (0,), 30)
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        with lock:
            inside[0] -= 1
        line.leave(True)

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(go) for _ in range(200)]:
            each.result()
    assert most == [1]
