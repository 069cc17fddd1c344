"""Checks and probes: what a breaker does before it counts a failure or closes."""

import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from resilience import deadlines, request_id
from resilience.breaker import Breaker
from resilience.checks import Check
from resilience.circuit import Outcome
from resilience.errors import CallFailed, CallRejected, TooManyCalls
from resilience.events import Listener
from tests.e2e.services import eventually
from tests.resilience.doubles import OUTCOMES, Busy, Clock, Down, Lost, Refused

DEADLINE = 8.0


class Recorder(Listener):
    def __init__(self) -> None:
        self.events: list[tuple[str, object]] = []

    def failure(self, name: str, error: BaseException) -> None:
        self.events.append(("failure", type(error)))

    def call_failed(self, name: str, error: BaseException) -> None:
        self.events.append(("call failed", type(error)))

    def rejection(self, name: str, retry_after: float) -> None:
        self.events.append(("rejection", retry_after))


class Reserving(Breaker):
    """Reserves a part of the deadline for the check."""

    call_share = 0.75


class WithProbe(Reserving):
    """Its probe raises ``error`` if it has one, and notes the time left."""

    error: type[Exception] | None = None

    def probe_call(self) -> None:
        self.probes: list[float | None] = [*getattr(self, "probes", []), deadlines.remaining()]
        if self.error:
            raise self.error


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def make(clock: Clock, recorder: Recorder) -> Callable[..., Breaker]:
    def make(check: Callable[[], bool] | None = None, kind: type[Breaker] = Reserving, **more: Any) -> Breaker:
        return kind(
            "thing",
            fail_max=1,
            reset_timeout=20,
            deadline=DEADLINE,
            classify=lambda error: OUTCOMES.get(type(error), Outcome.NEUTRAL),
            errors=(Down, Lost, Busy, Refused),
            check=check,
            listeners=[recorder],
            clock=clock,
            **more,
        )

    return make


def fail(error: type[Exception]) -> None:
    raise error


def fails(breaker: Breaker, error: type[Exception]) -> float:
    with pytest.raises(CallFailed) as failed:
        breaker.call(fail, error)
    return failed.value.retry_after


def test_suspect_call_does_not_count_if_the_check_succeeds(make: Callable[..., Breaker], recorder: Recorder) -> None:
    breaker = make(lambda: True)
    assert fails(breaker, Lost) == 1
    assert breaker.state == "closed"
    assert recorder.events == [("call failed", Lost)]


def test_suspect_call_counts_if_the_check_fails_or_is_missing(make: Callable[..., Breaker], recorder: Recorder) -> None:
    for check in (lambda: False, None):
        breaker = make(check)
        assert fails(breaker, Lost) == 20
        assert breaker.state == "open"
    assert recorder.events == [("failure", Lost)] * 2


@pytest.mark.parametrize("error", [Down, Busy])
def test_clear_outcome_needs_no_check(error: type[Exception], make: Callable[..., Breaker]) -> None:
    breaker = make(lambda: pytest.fail("it was checked"))
    fails(breaker, error)
    assert breaker.state == ("open" if error is Down else "closed")


def test_probe_needs_no_check(make: Callable[..., Breaker]) -> None:
    breaker = make(lambda: pytest.fail("it was checked"))
    breaker.open_for(0)
    fails(breaker, Lost)
    assert (breaker.state, breaker.retry_after) == ("open", 20)


def test_outcome_of_an_earlier_epoch_is_not_checked(make: Callable[..., Breaker]) -> None:
    def lose_while_it_opens() -> None:
        breaker.open_for(5)
        raise Lost

    breaker = make(lambda: pytest.fail("it was checked"))
    with pytest.raises(CallFailed) as failed:
        breaker.call(lose_while_it_opens)
    assert failed.value.retry_after == 5


def test_listeners_get_a_call_failure_once_and_no_bug(make: Callable[..., Breaker], recorder: Recorder) -> None:
    breaker = make()
    fails(breaker, Busy)
    with pytest.raises(ValueError, match=r"^$"):
        breaker.call(fail, ValueError)
    assert recorder.events == [("call failed", Busy)]


def test_error_that_is_a_success_reaches_the_caller_unchanged(make: Callable[..., Breaker], recorder: Recorder) -> None:
    breaker = make(lambda: pytest.fail("it was checked"))
    breaker.open_for(0)
    with pytest.raises(Refused):
        breaker.call(fail, Refused)
    assert (breaker.state, recorder.events) == ("closed", [])


def test_call_after_a_successful_probe_call_is_an_ordinary_call(make: Callable[..., Breaker]) -> None:
    breaker = make(kind=WithProbe)
    assert isinstance(breaker, WithProbe)
    breaker.open_for(0)
    assert breaker.call(deadlines.remaining) == pytest.approx(0.75 * DEADLINE, abs=0.5)
    assert breaker.state == "closed"
    assert breaker.probes == [pytest.approx(DEADLINE / 2, abs=0.5)]
    breaker.call(int)
    assert len(breaker.probes) == 1


def test_failed_probe_call_is_the_only_call_to_the_dependency(make: Callable[..., Breaker]) -> None:
    breaker = make(kind=WithProbe)
    assert isinstance(breaker, WithProbe)
    breaker.open_for(0)
    breaker.error = Down
    for _ in range(2):
        with pytest.raises((CallFailed, CallRejected)):
            breaker.call(lambda: pytest.fail("it was called"))
    assert (breaker.state, len(breaker.probes)) == ("open", 1)


def test_listeners_get_a_rejection_for_a_call_without_a_permit(
    make: Callable[..., Breaker], recorder: Recorder
) -> None:
    breaker = make(max_concurrent=1)
    breaker.deadline = 0
    assert breaker._bulkhead
    assert breaker._bulkhead.acquire(0) == "shared"
    with pytest.raises(TooManyCalls):
        breaker.call(int)
    assert recorder.events == [("rejection", 1)]


def test_times_are_described_in_tenths_of_a_second(make: Callable[..., Breaker], clock: Clock) -> None:
    breaker = make()
    fails(breaker, Down)
    clock.now += 7.77
    assert breaker.describe()["retry_after"] == 12.2


@pytest.mark.parametrize("is_reached", [True, False])
def test_check_without_reserved_time_runs_after_the_answer(
    is_reached: bool, make: Callable[..., Breaker], recorder: Recorder
) -> None:
    answered = threading.Event()
    breaker = make(lambda: answered.wait(10) and is_reached, Breaker)
    assert fails(breaker, Lost) == 1
    assert breaker.state == "closed"
    answered.set()
    eventually(lambda: breaker.state == ("closed" if is_reached else "open") and not checks_running())
    assert recorder.events == [("call failed", Lost), *([] if is_reached else [("failure", Lost)])]


def test_calls_that_fail_during_a_check_share_its_result(make: Callable[..., Breaker], recorder: Recorder) -> None:
    answered, checks = threading.Event(), count()
    breaker = make(lambda: next(checks) < 0 or (answered.wait(10) and False), Breaker)
    for _ in range(3):
        fails(breaker, Lost)
    answered.set()
    eventually(lambda: breaker.state == "open" and not checks_running())
    assert next(checks) == 1
    assert recorder.events.count(("failure", Lost)) == 1


def test_failed_check_does_not_count_after_a_state_change(make: Callable[..., Breaker]) -> None:
    answered = threading.Event()
    breaker = make(lambda: answered.wait(10) and False, Breaker)
    fails(breaker, Lost)
    breaker.override("reset", "somebody")
    answered.set()
    eventually(lambda: not checks_running())
    assert breaker.state == "closed"


def test_a_failure_found_by_a_check_has_the_id_of_its_request(
    make: Callable[..., Breaker], recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: list[str | None] = []
    monkeypatch.setattr(recorder, "failure", lambda name, error: ids.append(request_id.current()))
    monkeypatch.setattr(recorder, "state_change", lambda change: ids.append(change.request_id))
    breaker = make(lambda: False, Breaker)
    request_id.begin("the-request")
    fails(breaker, Lost)
    request_id.adopt(None)  # the request ends meanwhile
    eventually(lambda: breaker.state == "open" and not checks_running())
    assert ids == ["the-request", "the-request"]


def checks_running() -> bool:
    return any(thread.name == "dependency-check" for thread in threading.enumerate())


def test_process_exits_during_a_check() -> None:
    threads: list[threading.Thread] = []

    def reach() -> bool:
        threads.append(threading.current_thread())
        return True

    check = Check(reach, then=lambda is_reached: None)
    eventually(lambda: check.result is True)
    assert [thread.daemon for thread in threads] == [True]
