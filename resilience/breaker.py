"""A circuit breaker for threads.

pybreaker holds its lock while the protected function runs, so one slow call makes all others wait. Here the call runs
outside of every lock, and the circuit gets its outcome afterwards.
"""

import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from resilience import deadlines, request_id, scope
from resilience.answers import Answers
from resilience.bulkhead import Bulkhead
from resilience.checks import Check
from resilience.circuit import LATER, PROBE_SHARE, Admission, Circuit, Outcome
from resilience.errors import CallFailed, TooManyCalls
from resilience.provenance import Source

P = ParamSpec("P")
T = TypeVar("T")

WAIT_SHARE = 0.5  # of the deadline: the longest wait for a permit. The call has what is left.


class Breaker(Circuit):
    """Protects calls to one dependency.

    ``classify`` says what an exception means for the dependency. Exceptions of the types ``errors`` reach the caller as
    CallFailed unless they are a SUCCESS; all others pass through. The circuit's ``deadline`` (seconds) bounds each
    call; a probe has half of it. ``max_concurrent`` limits the calls that are under way at once; calls inside
    ``scope.reserve`` have half as many permits more. ``check`` returns whether this process reaches the dependency now
    and never raises. It runs before a SUSPECT failure counts.
    """

    # A short call that serves as the probe in place of the caller's own.
    probe_call: Callable[[], object] | None = None
    # The share of the deadline that a call has. The rest is for the check of a SUSPECT failure. If there is no rest,
    # the caller is answered first and the check runs in its own thread.
    call_share = 1.0

    def __init__(
        self,
        name: str,
        *,
        classify: Callable[[BaseException], Outcome],
        errors: tuple[type[Exception], ...],
        max_concurrent: int | None = None,
        check: Callable[[], bool] | None = None,
        **circuit: Any,
    ) -> None:
        super().__init__(name, **circuit)
        self.check = check
        self._classify = classify
        self._errors = errors
        self._bulkhead = Bulkhead(max_concurrent) if max_concurrent else None
        self._running_check: Check | None = None  # the latest check in a thread
        self.answers = Answers()

    def call(self, func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``func`` if the circuit allows it.

        Raises CallRejected if it does not, TooManyCalls if there is no permit, CallFailed if the dependency could not
        be used, and any other exception of ``func`` unchanged.
        """
        if scope.is_inside(self.name):
            return func(*args, **kwargs)
        admission = self._admit_or_probe()
        # A probe needs no permit: calls that hang may hold all of them.
        if self._bulkhead is None or admission.is_probe:
            return self._run(admission, self.deadline, func, *args, **kwargs)
        began = time.monotonic()
        timeout = self.deadline and self.deadline * WAIT_SHARE
        permit = self._bulkhead.acquire(timeout, may_use_reserve=scope.has_reserve())
        if permit is None:
            self._listeners.rejection(self.name, LATER)
            raise TooManyCalls(self.name, LATER)
        try:
            if admission.epoch != self._epoch:  # the state changed while this call waited
                admission = self._admit_or_probe()
            left = self.deadline and self.deadline - (time.monotonic() - began)
            return self._run(admission, left, func, *args, **kwargs)
        finally:
            self._bulkhead.release(permit)

    def _admit_or_probe(self) -> Admission:
        """Return an admission, after the ``probe_call`` if one is due. Raises CallRejected or CallFailed."""
        admission = self._admit()
        while admission.is_probe and self.probe_call:
            self._run(admission, self.deadline, self.probe_call)
            admission = self._admit()
        return admission

    def _run(
        self, admission: Admission, deadline: float | None, func: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if deadline is not None:
            deadline *= PROBE_SHARE if admission.is_probe else self.call_share
        try:
            with scope.inside(self.name), deadlines.within(deadline):
                result = func(*args, **kwargs)
        except BaseException as error:
            outcome = self._outcome_of(admission, error)
            self._settle(admission, outcome, error)
            if outcome is not Outcome.SUCCESS and isinstance(error, self._errors):
                if outcome is Outcome.NEUTRAL:
                    self._listeners.call_failed(self.name, error)
                raise CallFailed(self.name, max(LATER, self.retry_after)) from error
            raise
        self._settle(admission, Outcome.SUCCESS)
        return result

    def _outcome_of(self, admission: Admission, error: BaseException) -> Outcome:
        outcome = self._classify(error)
        if outcome is not Outcome.SUSPECT:
            return outcome
        # A probe used a fresh connection already. An outcome from an earlier state is dropped anyway.
        if admission.is_probe or admission.epoch != self._epoch or not self.check:
            return Outcome.FAILURE
        if self.call_share < 1.0:
            return Outcome.NEUTRAL if self.check() else Outcome.FAILURE
        self._check_afterwards(self.check, admission, error)
        return Outcome.NEUTRAL

    def _check_afterwards(self, check: Callable[[], bool], admission: Admission, error: BaseException) -> None:
        """Count ``error`` as a failure if a check fails too. Errors during a check share its result."""

        of_request = request_id.current()

        def settle(is_reached: bool) -> None:  # in the thread of the check
            if not is_reached:
                request_id.adopt(of_request)
                self._settle(admission, Outcome.FAILURE, error)

        with self._lock:
            if self._running_check is None or self._running_check.result is not None:
                self._running_check = Check(check, settle)

    def answered(self, source: Source, took: float) -> None:
        """Count one answer to a reader; ``took`` is in seconds."""
        self.answers.count(source, took)
        self._listeners.answered(self.name, source)

    def describe(self) -> dict[str, Any]:
        """Return the state and figures for display: times in seconds, counts since this process started."""
        return {
            "name": self.name,
            "state": self.state,
            "fail_max": self._machine.fail_max,
            "reset_timeout": self._machine.reset_timeout,
            "failures": self._machine.fail_counter,
            "retry_after": None if self._forced == "force-open" else round(self.retry_after, 1),
            "last_error": self._last_error,
            "forced": self._forced,
            "answers": self.answers.totals(),
            "standby": None,
        }
