"""Edge cases of one breaker: listeners, nested calls and rows of failures."""

from typing import NoReturn

import pybreaker
import pytest

from resilience import deadlines, request_id
from resilience.breaker import Breaker
from resilience.circuit import Outcome
from resilience.errors import CallFailed, CallRejected
from resilience.events import Listener, StateChange
from tests.resilience.doubles import Busy, Clock, Down


def make(clock: Clock, *listeners: Listener, name: str = "shop", fail_max: int = 1) -> Breaker:
    return Breaker(
        name,
        fail_max=fail_max,
        reset_timeout=20,
        deadline=5,
        classify=lambda error: Outcome.FAILURE if isinstance(error, Down) else Outcome.NEUTRAL,
        errors=(Down, Busy),
        listeners=listeners,
        clock=clock,
    )


def fail() -> NoReturn:
    raise Down


def be_busy() -> NoReturn:
    raise Busy


class Raising(Listener):
    def failure(self, name: str, error: BaseException) -> None:
        raise RuntimeError

    def state_change(self, change: StateChange) -> None:
        raise RuntimeError

    def rejection(self, name: str, retry_after: float) -> None:
        raise RuntimeError


class Recorder(Listener):
    def __init__(self) -> None:
        self.events: list[str] = []

    def state_change(self, change: StateChange) -> None:
        self.events.append(change.to_state)

    def rejection(self, name: str, retry_after: float) -> None:
        self.events.append("rejection")


def test_exception_in_a_listener_reaches_neither_callers_nor_other_listeners(caplog: pytest.LogCaptureFixture) -> None:
    clock, recorder = Clock(), Recorder()
    breaker = make(clock, Raising(), recorder)
    with pytest.raises(CallFailed):
        breaker.call(fail)
    with pytest.raises(CallRejected):
        breaker.call(int)
    clock.now += 20
    assert breaker.call(int) == 0
    assert recorder.events == ["open", "rejection", "half-open", "closed"]
    assert [record.getMessage() for record in caplog.records] == ["breaker listener failed"] * 5


def test_state_change_has_name_states_cause_and_request_id() -> None:
    changes: list[StateChange] = []

    class Keeper(Listener):
        def state_change(self, change: StateChange) -> None:
            changes.append(change)

    clock = Clock()
    breaker = make(clock, Keeper(), name="stock")
    current = request_id.current()
    with pytest.raises(CallFailed):
        breaker.call(fail)
    clock.now += 20
    breaker.call(int)
    assert changes == [
        StateChange("stock", "closed", "open", "Down", current),
        StateChange("stock", "open", "half-open", "probe", current),
        StateChange("stock", "half-open", "closed", "probe succeeded", current),
    ]


def test_retry_after_is_at_least_a_second() -> None:
    clock = Clock()
    breaker = make(clock)
    with pytest.raises(CallFailed) as failed:
        breaker.call(fail)
    assert failed.value.retry_after == 20
    clock.now += 19.999
    with pytest.raises(CallRejected) as rejected:
        breaker.call(int)
    assert rejected.value.retry_after == 1


def test_neutral_outcome_neither_counts_nor_resets_the_failures() -> None:
    breaker = make(Clock(), fail_max=2)
    for call in (fail, be_busy, fail):
        assert breaker.state == "closed"
        with pytest.raises(CallFailed):
            breaker.call(call)
    assert breaker.state == "open"


def test_nested_failure_that_the_outer_call_handles_does_not_count() -> None:
    def outer() -> str:
        with pytest.raises(Down):  # unchanged: the outer call is what is judged
            breaker.call(fail)
        return "fine"

    breaker = make(Clock())
    assert breaker.call(outer) == "fine"
    assert breaker.state == "closed"


def test_nested_calls_of_two_breakers_are_judged_separately() -> None:
    outer, inner = make(Clock(), name="outer"), make(Clock(), name="inner")
    with pytest.raises(CallFailed) as failed:
        outer.call(inner.call, fail)
    assert failed.value.breaker == "inner"
    assert (outer.state, inner.state) == ("closed", "open")


def test_nested_call_belongs_to_the_outer_call_across_another_breaker() -> None:
    outer, inner = make(Clock(), name="outer"), make(Clock(), name="inner")
    outer.open_for(0)
    # The outer call is the probe, so a separate innermost call would be rejected.
    assert outer.call(inner.call, lambda: outer.call(lambda: "fine")) == "fine"
    assert outer.state == "closed"


def test_each_call_has_its_deadline() -> None:
    breaker = make(Clock())
    assert 4 < (breaker.call(deadlines.remaining) or 0) <= 5
    assert deadlines.remaining() is None


def test_call_admitted_while_the_circuit_opens_gets_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may open the circuit between the two reads of an admission."""
    breaker = make(Clock(), fail_max=2)
    with pytest.raises(CallFailed):
        breaker.call(fail)

    class OpeningMeanwhile(pybreaker.CircuitBreaker):
        @property
        def current_state(self) -> str:
            state = super().current_state
            if state == pybreaker.STATE_CLOSED and not meanwhile:
                meanwhile.append(True)
                with pytest.raises(CallFailed):
                    breaker.call(fail)
            return state

    meanwhile: list[bool] = []
    monkeypatch.setattr(breaker._machine, "__class__", OpeningMeanwhile)
    assert breaker.call(lambda: "answer") == "answer"
    assert breaker.state == "open"
