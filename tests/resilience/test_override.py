"""Overrides and the history of state changes."""

import pytest

from resilience import request_id, scope
from resilience.breaker import Breaker
from resilience.circuit import Outcome
from resilience.errors import CallFailed, CallRejected
from resilience.events import Listener
from resilience.history import LENGTH
from resilience.probe_lock import ProbeLock
from tests.resilience.doubles import Down


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def fail() -> None:
    raise Down


def answer() -> str:
    return "answer"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(
        "thing",
        fail_max=1,
        reset_timeout=20,
        classify=lambda error: Outcome.FAILURE,
        errors=(Down,),
        clock=clock,
    )


def test_forced_open_circuit_stays_open(breaker: Breaker, clock: Clock) -> None:
    breaker.override("force-open", by="anna")
    clock.now += 1_000_000
    with pytest.raises(CallRejected) as rejected:
        breaker.call(answer)
    assert rejected.value.retry_after == 20
    assert (breaker.state, breaker.describe()["forced"]) == ("open", "force-open")
    breaker.override("reset", by="anna")
    assert breaker.call(answer) == "answer"
    assert (breaker.state, breaker.describe()["forced"]) == ("closed", None)


def test_forced_closed_circuit_stays_closed_after_failures(breaker: Breaker) -> None:
    breaker.override("force-close", by="anna")
    for _ in range(5):
        with pytest.raises(CallFailed):
            breaker.call(fail)
    assert (breaker.state, breaker.describe()["forced"]) == ("closed", "force-close")
    breaker.override("reset", by="anna")
    with pytest.raises(CallFailed):
        breaker.call(fail)
    assert breaker.state == "open"


def test_other_processes_do_not_change_a_forced_circuit(breaker: Breaker) -> None:
    breaker.override("force-close", by="anna")
    breaker.open_for(20)
    assert breaker.state == "closed"
    breaker.override("force-open", by="anna")
    breaker.close()
    assert breaker.state == "open"


def test_call_under_way_does_not_undo_an_override(breaker: Breaker) -> None:
    def fail_after_it_was_reset() -> None:
        breaker.override("force-open", by="anna")
        breaker.override("reset", by="anna")
        raise Down

    with pytest.raises(CallFailed):
        breaker.call(fail_after_it_was_reset)
    assert breaker.state == "closed"


def test_probe_that_asks_for_its_lock_does_not_undo_an_override(breaker: Breaker) -> None:
    class SomebodyElseIsQuicker(ProbeLock):
        def acquire(self) -> bool:
            breaker.override("force-open", by="anna")
            return True

    breaker.share_with(Listener(), SomebodyElseIsQuicker())
    breaker.open_for(0)
    for _ in range(2):
        with pytest.raises(CallRejected):
            breaker.call(answer)
    assert (breaker.state, breaker.forced) == ("open", "force-open")


def test_forced_open_circuit_has_no_retry_after(breaker: Breaker) -> None:
    breaker.override("force-open", by="anna")
    assert breaker.describe()["retry_after"] is None


def test_reset_clears_the_failures(clock: Clock) -> None:
    breaker = Breaker("thing", fail_max=3, reset_timeout=20, classify=lambda error: Outcome.FAILURE, errors=(Down,))
    for _ in range(2):
        with pytest.raises(CallFailed):
            breaker.call(fail)
    breaker.override("reset", by="anna")
    assert breaker.describe()["failures"] == 0


def test_history_has_cause_and_request_id(breaker: Breaker, clock: Clock) -> None:
    request_id.begin("request-1")
    with pytest.raises(CallFailed):
        breaker.call(fail)
    clock.now += 20
    request_id.begin("request-2")
    breaker.call(answer)
    breaker.override("force-open", by="anna")
    seen = [(e["from_state"], e["to_state"], e["cause"], e["request_id"]) for e in breaker.events()]
    assert seen == [
        ("closed", "open", "force-open", "request-2"),
        ("half-open", "closed", "probe succeeded", "request-2"),
        ("open", "half-open", "probe", "request-2"),
        ("closed", "open", "Down", "request-1"),
    ]


def test_history_is_bounded(breaker: Breaker) -> None:
    for _ in range(LENGTH):
        breaker.override("force-open", by="anna")
        breaker.override("reset", by="anna")
    assert len(breaker.events()) == LENGTH


def test_bypassing_calls_change_nothing(breaker: Breaker) -> None:
    breaker.override("force-open", by="anna")
    with scope.bypass(breaker.name):
        assert breaker.call(answer) == "answer"
        with pytest.raises(CallFailed):
            breaker.call(fail)
    with pytest.raises(CallRejected):
        breaker.call(answer)
    assert breaker.describe()["failures"] == 0
    assert breaker.describe()["last_error"] is None
