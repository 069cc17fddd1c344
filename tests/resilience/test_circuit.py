"""Probe locks, the last error, overrides and bypassing calls."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pybreaker
import pytest

from resilience import deadlines, scope
from resilience.breaker import Breaker
from resilience.circuit import Action, Outcome
from resilience.errors import CallFailed, CallRejected
from resilience.events import Listener, StateChange
from resilience.probe_lock import ProbeLock
from tests.resilience.doubles import Busy, Clock, Down

RESET, DEADLINE = 20, 8.0


class OfAll(ProbeLock):
    """A lock that another process may hold, and with which something may happen while it is acquired."""

    def __init__(self) -> None:
        self.is_free = True
        self.asked = self.given_back = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def acquire(self) -> bool:
        self.asked += 1
        self.meanwhile()
        return self.is_free

    def release(self) -> None:
        self.given_back += 1


class Recorder(Listener):
    def __init__(self) -> None:
        self.events: list[tuple[str, ...]] = []

    def state_change(self, change: StateChange) -> None:
        self.events.append((change.name, change.to_state))

    def overridden(self, name: str, action: str, by: str) -> None:
        self.events.append((name, action, by))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def probe_lock() -> OfAll:
    return OfAll()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def breaker(clock: Clock, probe_lock: OfAll, recorder: Recorder) -> Breaker:
    breaker = Breaker(
        "thing",
        fail_max=2,
        reset_timeout=RESET,
        deadline=DEADLINE,
        classify=lambda error: Outcome.FAILURE if isinstance(error, Down) else Outcome.NEUTRAL,
        errors=(Down, Busy),
        cause_of=lambda error, deadline: f"{type(error).__name__} within {deadline} s",
        clock=clock,
    )
    breaker.share_with(recorder, probe_lock)
    return breaker


def answer() -> str:
    return "answer"


def fail(error: type[Exception] = Down) -> None:
    raise error


def reject(breaker: Breaker) -> float:
    """Return the retry_after of a rejected call."""
    with pytest.raises(CallRejected) as rejected:
        breaker.call(lambda: pytest.fail("it was called"))
    return rejected.value.retry_after


def test_no_probe_while_another_process_holds_the_lock(breaker: Breaker, probe_lock: OfAll, clock: Clock) -> None:
    breaker.open_for(0)
    probe_lock.is_free = False
    for _ in range(3):
        assert reject(breaker) == 1
    assert probe_lock.asked == 1  # asking takes a round trip, so not every call asks
    clock.now += 1
    assert reject(breaker) == 1
    assert probe_lock.asked == 2
    probe_lock.is_free = True
    clock.now += 1
    assert breaker.call(answer) == "answer"
    assert (breaker.state, probe_lock.given_back) == ("closed", 1)


@pytest.mark.parametrize("error", [None, Down, Busy])
def test_probe_releases_its_lock(error: type[Exception] | None, breaker: Breaker, probe_lock: OfAll) -> None:
    breaker.open_for(0)
    if error:
        with pytest.raises(CallFailed):
            breaker.call(fail, error)
    else:
        breaker.call(answer)
    assert (probe_lock.asked, probe_lock.given_back) == (1, 1)


def test_ordinary_call_does_not_use_the_probe_lock(breaker: Breaker, probe_lock: OfAll) -> None:
    breaker.call(answer)
    with pytest.raises(CallFailed):
        breaker.call(fail)
    breaker.call(answer)
    assert (probe_lock.asked, probe_lock.given_back) == (0, 0)


def test_calls_are_rejected_while_one_asks_for_the_probe_lock(breaker: Breaker, probe_lock: OfAll) -> None:
    breaker.open_for(0)
    with ThreadPoolExecutor(1) as pool:
        probe_lock.meanwhile = lambda: pool.submit(reject, breaker).result(10)
        assert breaker.call(answer) == "answer"
    assert probe_lock.asked == 1


def test_failing_probe_lock_blocks_no_later_probe(breaker: Breaker, probe_lock: OfAll, clock: Clock) -> None:
    breaker.open_for(0)
    probe_lock.meanwhile = lambda: fail(Busy)
    with pytest.raises(Busy):
        breaker.call(answer)
    probe_lock.meanwhile = lambda: None
    clock.now += 1
    assert breaker.call(answer) == "answer"


@pytest.mark.parametrize("is_free", [False, True])
@pytest.mark.parametrize("action", ["force-open", "force-close", "reset"])
def test_probe_lock_that_comes_too_late_is_released(
    action: Action, is_free: bool, breaker: Breaker, probe_lock: OfAll
) -> None:
    def override() -> None:
        probe_lock.meanwhile = lambda: None
        breaker.override(action, by="anna")

    breaker.open_for(0)
    probe_lock.is_free, probe_lock.meanwhile = is_free, override
    reject(breaker)
    assert probe_lock.given_back == (1 if is_free else 0)
    assert breaker.state == ("open" if action == "force-open" else "closed")
    # Later probes are ordinary ones.
    probe_lock.is_free = True
    breaker.override("reset", by="anna")
    breaker.open_for(0)
    assert breaker.call(answer) == "answer"


def test_probe_after_a_neutral_probe_is_no_state_change(breaker: Breaker, recorder: Recorder) -> None:
    breaker.open_for(0)
    with pytest.raises(CallFailed):
        breaker.call(fail, Busy)
    breaker.call(answer)
    assert recorder.events == [("thing", "open"), ("thing", "half-open"), ("thing", "closed")]


def test_last_error_has_type_cause_and_time(breaker: Breaker) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    with pytest.raises(CallFailed):
        breaker.call(fail)
    error = breaker.describe()["last_error"]
    assert (error["type"], error["cause"]) == ("Down", "Down within 8.0 s")
    assert before <= datetime.fromisoformat(error["time"]) <= datetime.now(UTC)


def test_cause_of_a_failed_probe_names_the_deadline_of_the_probe(breaker: Breaker) -> None:
    breaker.open_for(0)
    with pytest.raises(CallFailed):
        breaker.call(fail)
    assert breaker.describe()["last_error"]["cause"] == "Down within 4.0 s"


def test_neutral_error_is_not_the_last_error(breaker: Breaker) -> None:
    with pytest.raises(CallFailed):
        breaker.call(fail, Busy)
    assert breaker.describe()["last_error"] is None


def test_change_by_another_process_has_that_cause(breaker: Breaker) -> None:
    for _ in range(2):
        with pytest.raises(CallFailed):
            breaker.call(fail)
    breaker.close()
    breaker.override("force-open", by="anna")
    breaker.override("reset", by="anna")
    breaker.open_for(20)
    causes = [event["cause"] for event in breaker.events()]
    assert causes == ["another process", "reset", "force-open", "another process", "Down within 8.0 s"]


def test_open_for_lasts_as_long_as_given(breaker: Breaker, clock: Clock) -> None:
    breaker.open_for(5)
    assert (breaker.state, breaker.retry_after) == ("open", 5)
    breaker.open_for(7)
    assert (breaker.state, breaker.retry_after) == ("open", 7)
    clock.now += 7
    assert breaker.state == "half-open"


def test_listeners_get_overrides(breaker: Breaker, recorder: Recorder) -> None:
    breaker.override("force-open", by="anna")
    breaker.override("force-open", by="bert")
    breaker.override("reset", by="anna")
    assert recorder.events == [
        ("thing", "open"),
        ("thing", "force-open", "anna"),
        ("thing", "force-open", "bert"),
        ("thing", "closed"),
        ("thing", "reset", "anna"),
    ]


def test_bypassing_call_is_no_probe(breaker: Breaker, probe_lock: OfAll) -> None:
    breaker.open_for(20)
    with scope.bypass(breaker.name):
        assert breaker.call(deadlines.remaining) == pytest.approx(DEADLINE, abs=1)
    assert (probe_lock.asked, probe_lock.given_back) == (0, 0)
    assert reject(breaker) == 20


def test_two_circuits_can_be_bypassed(breaker: Breaker) -> None:
    other = Breaker("other", fail_max=1, reset_timeout=RESET, classify=lambda error: Outcome.FAILURE, errors=())
    for each in (breaker, other):
        each.override("force-open", by="anna")
    with scope.bypass(breaker.name):
        with scope.bypass(other.name):
            assert breaker.call(other.call, answer) == "answer"
        reject(other)
        assert breaker.call(answer) == "answer"


def test_bypass_ends_with_an_exception(breaker: Breaker) -> None:
    breaker.override("force-open", by="anna")
    with pytest.raises(Down), scope.bypass(breaker.name):
        raise Down
    reject(breaker)


def test_call_that_comes_while_the_circuit_closes_is_an_ordinary_call(
    breaker: Breaker, probe_lock: OfAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread may close the circuit between reading the state and taking the lock."""

    class ClosingMeanwhile(pybreaker.CircuitBreaker):
        @property
        def current_state(self) -> str:
            state = super().current_state
            if state == pybreaker.STATE_OPEN and not meanwhile:
                meanwhile.append(True)
                breaker.close()
            return state

    meanwhile: list[bool] = []
    breaker.open_for(0)
    monkeypatch.setattr(breaker._machine, "__class__", ClosingMeanwhile)
    assert breaker.call(deadlines.remaining) == pytest.approx(DEADLINE, abs=1)
    assert (probe_lock.asked, probe_lock.given_back) == (0, 0)


@pytest.mark.parametrize("error", [None, Down])
def test_a_call_that_begins_while_another_process_opens_the_circuit_changes_nothing(
    error: type[Exception] | None, breaker: Breaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, is_open = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        assert is_open.wait(10)
        if error:
            raise error
        return "answer"

    class BeginningMeanwhile(pybreaker.CircuitBreaker):
        def open(self) -> bool:
            calls.append(pool.submit(breaker.call, work))
            assert begun.wait(10)
            return bool(super().open())

    calls: list[Future[str]] = []
    with pytest.raises(CallFailed):
        breaker.call(fail)
    monkeypatch.setattr(breaker._machine, "__class__", BeginningMeanwhile)
    with ThreadPoolExecutor(1) as pool:
        breaker.open_for(5)
        is_open.set()
    if error:
        assert isinstance(calls[0].exception(), CallFailed)
    else:
        assert calls[0].result() == "answer"
    assert (breaker.state, breaker.retry_after) == ("open", 5)
