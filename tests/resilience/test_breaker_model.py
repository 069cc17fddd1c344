"""The breaker against a model of a few lines, with calls that begin and end in any order, a clock that is moved, other
processes that report changes, and overrides."""

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, consumes, invariant, multiple, rule

from resilience.breaker import Breaker
from resilience.circuit import ACTIONS, Action, Admission, Outcome
from resilience.errors import CallRejected

FAIL_MAX, RESET = 2, 20
Begun = tuple[Admission, int, bool]  # the admission, the model's era then, and whether it is a probe


class BreakerModel(RuleBasedStateMachine):
    calls: Bundle[Begun] = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker(
            "thing",
            fail_max=FAIL_MAX,
            reset_timeout=RESET,
            classify=lambda error: Outcome.FAILURE,
            errors=(Exception,),
            clock=lambda: self.now,
        )
        self.state, self.failures, self.due_at, self.era, self.is_probed = "closed", 0, 0.0, 0, False
        self.forced: Action | None = None

    def enter(self, state: str, seconds: float = RESET) -> None:
        self.state, self.failures, self.era, self.is_probed = state, 0, self.era + 1, False
        self.due_at = self.now + seconds

    @property
    def is_due(self) -> bool:
        return self.state == "open" and self.now >= self.due_at

    @rule(target=calls)
    def begin(self) -> Begun | MultipleResults[Begun]:
        if self.is_due:
            self.enter("half-open")
        admitted = self.state == "closed" or (self.state == "half-open" and not self.is_probed)
        try:
            admission = self.breaker._admit()
        except CallRejected:
            assert not admitted
            return multiple()
        assert admitted
        self.is_probed = self.state == "half-open"
        return admission, self.era, self.is_probed

    @rule(call=consumes(calls), outcome=st.sampled_from([Outcome.SUCCESS, Outcome.FAILURE, Outcome.NEUTRAL]))
    def end(self, call: Begun, outcome: Outcome) -> None:
        admission, era, probe = call
        self.breaker._settle(admission, outcome, OSError() if outcome is Outcome.FAILURE else None)
        if era != self.era:
            return
        if probe:
            self.is_probed = False
        if self.forced:
            return
        if outcome is Outcome.FAILURE:
            self.failures += 1
            if probe or self.failures >= FAIL_MAX:
                self.enter("open")
        elif outcome is Outcome.SUCCESS:
            self.failures = 0
            if probe:
                self.enter("closed")

    @rule(seconds=st.sampled_from([0.5, 7, RESET - 0.5, RESET, 100]))
    def move_the_clock(self, seconds: float) -> None:
        self.now += seconds

    @rule(seconds=st.sampled_from([0.0, 5.0, RESET]))
    def hear_that_it_is_away(self, seconds: float) -> None:
        self.breaker.open_for(seconds)
        if not self.forced:
            self.enter("open", seconds)

    @rule()
    def hear_that_it_is_back(self) -> None:
        self.breaker.close()
        if not self.forced:
            self.enter("closed")

    @rule(action=st.sampled_from(ACTIONS))
    def override(self, action: Action) -> None:
        self.breaker.override(action, by="anna")
        self.forced = None if action == "reset" else action
        self.enter("open" if action == "force-open" else "closed", math.inf)

    @invariant()
    def it_agrees(self) -> None:
        assert self.breaker.state == ("half-open" if self.is_due else self.state)
        assert self.breaker.forced == self.forced
        if self.state == "closed":
            assert self.breaker.describe()["failures"] == self.failures


TestBreakerModel = BreakerModel.TestCase
TestBreakerModel.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
