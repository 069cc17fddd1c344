"""The state of a breaker: whose call is admitted, and what its outcome changes.

pybreaker's state machine decides the state. Added around it: one probe at a time when half-open, everybody else is
answered at once; a monotonic clock; and outcomes of calls that began in an earlier state are dropped, so that a late
failure does not reopen a circuit that has recovered.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal, get_args

import pybreaker

from resilience import request_id, scope
from resilience.errors import CallRejected
from resilience.events import Listener, Listeners, StateChange
from resilience.history import History
from resilience.probe_lock import ProbeLock

Action = Literal["force-open", "force-close", "reset"]
ACTIONS: tuple[Action, ...] = get_args(Action)
ELSEWHERE = "another process"  # as the cause of a change
# What a probe may take of the deadline: one more caller waits for it, and the others know already.
PROBE_SHARE = 0.5
LATER = 1.0  # seconds after which a call that was not made may be worth another try
# Seconds before a probe that was another process's turn is asked for again.
ASK_AGAIN = 0.5


class Outcome(Enum):
    """What a finished call says about the dependency."""

    SUCCESS = "it answered, be it with an error"
    FAILURE = "it could not be used"
    NEUTRAL = "neither"
    SUSPECT = "its connection or its question failed: a check tells whether the dependency did"


@dataclass(frozen=True, slots=True)
class Admission:
    """Leave to make a call; ``epoch`` is the circuit's at that time."""

    epoch: int
    is_probe: bool


_OF_NO_STATE = Admission(epoch=-1, is_probe=False)


class _Translator(pybreaker.CircuitBreakerListener):
    """Turns pybreaker's events into ours. Whoever changes the state sets ``cause`` first, under the circuit's lock."""

    def __init__(self, listeners: Listener) -> None:
        self._listeners = listeners
        self.cause = ""

    def failure(self, cb: pybreaker.CircuitBreaker, exc: BaseException) -> None:
        self._listeners.failure(str(cb.name), exc)

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        change = StateChange(str(cb.name), old_state.name, new_state.name, self.cause, request_id.current())
        self._listeners.state_change(change)


class Circuit:
    """Opens after ``fail_max`` failures in a row, for ``reset_timeout`` seconds.

    ``cause_of`` puts an error of a call with a deadline into words that everybody may read.
    """

    def __init__(
        self,
        name: str,
        *,
        fail_max: int = 1,
        reset_timeout: float = 20.0,
        deadline: float | None = None,
        listeners: Sequence[Listener] = (),
        cause_of: Callable[[BaseException, float | None], str] = lambda error, deadline: type(error).__name__,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.deadline = deadline
        self._cause_of = cause_of
        self._clock = clock
        self._lock = threading.RLock()
        self._history = History()
        self._listeners = Listeners([self._history, *listeners])
        self._probe_lock = ProbeLock()
        self._translator = _Translator(self._listeners)
        self._machine = pybreaker.CircuitBreaker(fail_max, reset_timeout, name=name, listeners=[self._translator])
        self._epoch = 0  # one more at each change of state
        self._probe_running = False
        self._open_until = 0.0  # infinite while it is forced open
        self._forced: Action | None = None
        self._ask_again_at = 0.0
        self._last_error: dict[str, str] | None = None
        self._listeners.created(name, self.state)

    def _admit(self) -> Admission:
        # The state is read without the lock: a call that slips in as the circuit opens is one call more, no harm. The
        # epoch is read first, so that this call's outcome is then dropped.
        epoch = self._epoch
        if self._machine.current_state == pybreaker.STATE_CLOSED:
            return Admission(epoch, is_probe=False)
        if scope.is_bypassed(self.name):
            return _OF_NO_STATE
        with self._lock:
            state = self._machine.current_state
            if state == pybreaker.STATE_CLOSED:
                return Admission(self._epoch, is_probe=False)
            epoch = self._epoch
            is_due = not self._probe_running and self.retry_after == 0 and self._clock() >= self._ask_again_at
            if is_due:
                self._probe_running = True  # everybody else is rejected while this call asks for its turn
        admission = self._take_probe_lock(epoch) if is_due else None
        if admission is None:
            retry_after = max(LATER, self.retry_after)
            self._listeners.rejection(self.name, retry_after)
            raise CallRejected(self.name, retry_after)
        return admission

    def _take_probe_lock(self, epoch: int) -> Admission | None:
        """A probe's admission; None where another process has the turn, or the state was changed meanwhile."""
        has_lock = False
        try:
            has_lock = self._probe_lock.acquire()
        finally:
            with self._lock:
                is_current = self._epoch == epoch
                if is_current and not has_lock:
                    self._probe_running = False
                    self._ask_again_at = self._clock() + ASK_AGAIN
                elif is_current and self._machine.current_state == pybreaker.STATE_OPEN:
                    self._translator.cause = "probe"
                    self._epoch += 1
                    self._machine.half_open()
                admission = Admission(self._epoch, is_probe=True)
        if has_lock and not is_current:
            self._probe_lock.release()
        return admission if has_lock and is_current else None

    def _settle(self, admission: Admission, outcome: Outcome, error: BaseException | None = None) -> None:
        if outcome is Outcome.SUCCESS and not admission.is_probe and not self._machine.fail_counter:
            return  # nothing to tell: closed, and no failure to forget
        self._tell(admission, outcome, error)
        if admission.is_probe:
            self._probe_lock.release()

    def _tell(self, admission: Admission, outcome: Outcome, error: BaseException | None) -> None:
        with self._lock:
            if admission.epoch != self._epoch:
                return
            if admission.is_probe:
                self._probe_running = False
            if outcome is Outcome.NEUTRAL or self._forced:
                return
            before = self._machine.current_state
            if outcome is Outcome.FAILURE and error is not None:
                share = PROBE_SHARE if admission.is_probe else 1.0
                cause = self._cause_of(error, self.deadline and self.deadline * share)
                now = datetime.now(UTC).isoformat("T", "seconds")
                self._last_error = {"type": type(error).__name__, "cause": cause, "time": now}
                self._open_until = self._clock() + self._machine.reset_timeout  # if this opens it, then from now on
                self._translator.cause = cause
                with suppress(BaseException):
                    self._machine.call(_raise, error)
            else:
                self._translator.cause = "probe succeeded"
                self._machine.call(_succeed)
            if self._machine.current_state != before:
                self._epoch += 1

    def attend(self, listener: Listener, probe_lock: ProbeLock) -> None:
        """Tell ``listener`` of events too, and ask ``probe_lock`` before each probe."""
        self._listeners.add(listener)
        self._probe_lock = probe_lock

    def open_for(self, seconds: float) -> None:
        """Open, because somebody else found the dependency away; the next probe is in ``seconds``."""
        with self._lock:
            if not self._forced:
                self._translator.cause = ELSEWHERE
                self._move(pybreaker.STATE_OPEN, self._clock() + seconds)

    def close(self) -> None:
        """Close, because somebody else found the dependency back."""
        with self._lock:
            if not self._forced:
                self._translator.cause = ELSEWHERE
                self._move(pybreaker.STATE_CLOSED)

    def override(self, action: Action, by: str) -> None:
        """Take the breaker in hand: ``force-open`` or ``force-close`` it until ``reset``, which closes it.

        ``by`` says who does so. While it is forced closed, failures are still failures to the caller, but do not count.
        """
        with self._lock:
            self._forced = None if action == "reset" else action
            self._translator.cause = action  # everybody may read it: by whom is for the log
            if action == "force-open":
                self._move(pybreaker.STATE_OPEN, math.inf)
            else:
                self._move(pybreaker.STATE_CLOSED)
            self._listeners.overridden(self.name, action, by)

    def _move(self, state: str, open_until: float = 0.0) -> None:
        self._probe_running = False
        self._open_until = open_until
        if self._machine.current_state != state:
            self._machine.open() if state == pybreaker.STATE_OPEN else self._machine.close()
        elif state == pybreaker.STATE_CLOSED:
            self._machine.call(_succeed)  # forgets the failures so far
        # Last, so that a call that still finds the circuit closed is of the time before, as all that are under way are.
        self._epoch += 1

    @property
    def forced(self) -> Action | None:
        """``force-open`` or ``force-close`` until it is reset."""
        return self._forced

    @property
    def state(self) -> str:
        """``closed``, ``open``, or ``half-open`` once the next call would be a probe."""
        state = self._machine.current_state
        if state == pybreaker.STATE_OPEN and self.retry_after == 0:
            return pybreaker.STATE_HALF_OPEN
        return state

    @property
    def retry_after(self) -> float:
        """Seconds until the next probe; 0 when a call may be made now."""
        if self._machine.current_state != pybreaker.STATE_OPEN:
            return 0.0
        left = self._open_until - self._clock()
        return self._machine.reset_timeout if left == math.inf else max(0.0, left)

    def events(self) -> list[dict[str, Any]]:
        """The last hundred changes of state, newest first, as ``/breakers`` shows them."""
        return self._history.describe()


def _succeed() -> None:
    pass


def _raise(error: BaseException) -> None:
    raise error
