import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from resilience.breaker import Breaker
from resilience.circuit import Outcome
from resilience.errors import CallFailed, CallRejected, ExpectedError
from resilience.events import Listener, StateChange
from tests.resilience.doubles import Busy, Clock, Down


class No(ExpectedError):
    pass


def classify(error: BaseException) -> Outcome:
    if isinstance(error, Down):
        return Outcome.FAILURE
    return Outcome.SUCCESS if isinstance(error, No) else Outcome.NEUTRAL


class Recorder(Listener):
    def __init__(self) -> None:
        self.events: list[str] = []

    def state_change(self, change: StateChange) -> None:
        self.events.append(f"{change.from_state}>{change.to_state}")

    def failure(self, name: str, error: BaseException) -> None:
        self.events.append("failure")

    def rejection(self, name: str, retry_after: float) -> None:
        self.events.append("rejection")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Callable[..., Breaker]:
    def breaker(fail_max: int = 1, *listeners: Listener) -> Breaker:
        return Breaker(
            "thing",
            fail_max=fail_max,
            reset_timeout=20,
            classify=classify,
            errors=(Down, Busy),
            listeners=listeners,
            clock=clock,
        )

    return breaker


def fail(error: type[BaseException] = Down) -> None:
    raise error("why")


def trip(breaker: Breaker) -> None:
    with pytest.raises(CallFailed):
        breaker.call(fail)


@contextmanager
def running(breaker: Breaker, error: type[BaseException] | None = None) -> Iterator[None]:
    """A call that is under way during the block, and ends with it: with ``error``, or normally."""
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        go_on.wait(10)
        if error:
            fail(error)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(breaker.call, slow)
        assert begun.wait(10)
        try:
            yield
        finally:
            go_on.set()
            future.exception()


def test_call_passes_arguments_and_returns_the_value(make: Callable[..., Breaker]) -> None:
    assert make().call(int, "11", base=2) == 3


def test_circuit_opens_after_fail_max_failures(make: Callable[..., Breaker]) -> None:
    breaker = make(3)
    trip(breaker)
    trip(breaker)
    assert breaker.call(lambda: "fine") == "fine"  # resets the failures
    trip(breaker)
    trip(breaker)
    assert breaker.state == "closed"
    trip(breaker)
    assert breaker.state == "open"


def test_call_failed_carries_its_cause(make: Callable[..., Breaker]) -> None:
    with pytest.raises(CallFailed) as raised:
        make().call(fail)
    assert isinstance(raised.value.__cause__, Down)


def test_open_circuit_rejects_at_once(make: Callable[..., Breaker], clock: Clock) -> None:
    breaker = make()
    trip(breaker)
    clock.now += 5
    with pytest.raises(CallRejected) as raised:
        breaker.call(lambda: pytest.fail("it was called"))
    assert (raised.value.breaker, raised.value.retry_after) == ("thing", 15)


def test_successful_probe_closes_the_circuit(make: Callable[..., Breaker], clock: Clock) -> None:
    breaker = make()
    trip(breaker)
    clock.now += 20
    assert breaker.state == "half-open"
    assert breaker.call(lambda: "fine") == "fine"
    assert breaker.state == "closed"


def test_failed_probe_opens_the_circuit_for_a_full_reset_timeout(make: Callable[..., Breaker], clock: Clock) -> None:
    breaker = make(5)
    for _ in range(5):
        trip(breaker)
    clock.now += 25
    trip(breaker)
    assert breaker.retry_after == 20


def test_one_probe_runs_at_a_time_and_other_calls_are_rejected(make: Callable[..., Breaker], clock: Clock) -> None:
    breaker = make()
    trip(breaker)
    clock.now += 20
    with running(breaker):
        started = time.perf_counter()
        with pytest.raises(CallRejected) as raised:
            breaker.call(lambda: pytest.fail("it was called"))
        assert time.perf_counter() - started < 1
        assert raised.value.retry_after == 1
    assert breaker.state == "closed"


@pytest.mark.parametrize("error", [Busy, KeyboardInterrupt, ValueError])
def test_neutral_probe_leaves_the_next_call_to_probe(
    error: type[BaseException], make: Callable[..., Breaker], clock: Clock
) -> None:
    breaker = make()
    trip(breaker)
    clock.now += 20
    with pytest.raises((CallFailed, error)):
        breaker.call(fail, error)
    assert breaker.state == "half-open"
    assert breaker.call(lambda: "fine") == "fine"
    assert breaker.state == "closed"


def test_failure_from_before_a_recovery_does_not_reopen_the_circuit(make: Callable[..., Breaker], clock: Clock) -> None:
    breaker = make()
    with running(breaker, Down):
        trip(breaker)
        clock.now += 20
        breaker.call(lambda: None)
        assert breaker.state == "closed"
    assert breaker.state == "closed"


def test_success_from_before_an_outage_does_not_close_the_circuit(make: Callable[..., Breaker]) -> None:
    breaker = make()
    with running(breaker):
        trip(breaker)
    assert breaker.state == "open"


def test_expected_error_counts_as_a_success(make: Callable[..., Breaker], clock: Clock) -> None:
    breaker = make()
    with pytest.raises(No):
        breaker.call(fail, No)
    assert breaker.state == "closed"
    trip(breaker)
    clock.now += 20
    with pytest.raises(No):
        breaker.call(fail, No)
    assert breaker.state == "closed"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_unrelated_exception_passes_through(error: type[BaseException], make: Callable[..., Breaker]) -> None:
    breaker = make()
    with pytest.raises(error):
        breaker.call(fail, error)
    assert breaker.state == "closed"


def test_neutral_error_raises_call_failed_and_does_not_count(make: Callable[..., Breaker]) -> None:
    breaker = make()
    with pytest.raises(CallFailed):
        breaker.call(fail, Busy)
    assert breaker.state == "closed"


def test_calls_run_concurrently(make: Callable[..., Breaker]) -> None:
    breaker = make()
    everybody_is_in = threading.Barrier(8, timeout=10)
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(lambda _: breaker.call(everybody_is_in.wait), range(8)))) == 8


def test_nested_call_belongs_to_the_outer_call(make: Callable[..., Breaker], clock: Clock) -> None:
    breaker = make()
    trip(breaker)
    clock.now += 20
    assert breaker.call(breaker.call, lambda: "fine") == "fine"
    assert breaker.state == "closed"


def test_listeners_get_all_events_in_order(make: Callable[..., Breaker], clock: Clock) -> None:
    recorder = Recorder()
    breaker = make(1, recorder)
    trip(breaker)
    with pytest.raises(CallRejected):
        breaker.call(fail)
    clock.now += 20
    breaker.call(lambda: None)
    assert recorder.events == ["failure", "closed>open", "rejection", "open>half-open", "half-open>closed"]


def test_exception_in_a_listener_reaches_nobody(make: Callable[..., Breaker]) -> None:
    class Broken(Listener):
        def failure(self, name: str, error: BaseException) -> None:
            raise RuntimeError

    recorder = Recorder()
    breaker = make(1, Broken(), recorder)
    trip(breaker)
    assert breaker.state == "open"
    assert recorder.events == ["failure", "closed>open"]


def test_wall_clock_is_not_used(make: Callable[..., Breaker], clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = make()
    trip(breaker)
    machine = breaker._machine._state_storage
    monkeypatch.setattr(type(machine), "opened_at", property(lambda self: pytest.fail("the wall clock was asked")))
    clock.now += 19.9
    with pytest.raises(CallRejected):
        breaker.call(lambda: None)
    clock.now += 0.1
    breaker.call(lambda: None)
    assert breaker.state == "closed"


def test_describe_returns_state_and_figures(make: Callable[..., Breaker], clock: Clock) -> None:
    breaker = make(2)
    trip(breaker)
    breaker.answers.count("stale", 0.1)
    described = breaker.describe()
    assert described.pop("last_error")["type"] == "Down"
    assert described == {
        "name": "thing",
        "state": "closed",
        "fail_max": 2,
        "reset_timeout": 20,
        "failures": 1,
        "retry_after": 0,
        "forced": None,
        "standby": None,
        "answers": {"live": 0, "stale": 1, "default": 0},
    }
