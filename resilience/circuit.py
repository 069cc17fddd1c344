"""The state of a breaker: which calls are admitted, and what their outcomes change.

pybreaker's state machine decides the state. This module adds: one probe at a time when half-open, while other calls are
rejected at once; a monotonic clock; and epochs. The outcome of a call from an earlier epoch is dropped, so that a late
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
ELSEWHERE = "another process"  # the cause of a change that Redis reported
# Of the deadline, for a probe: its caller waits, while all others already get their fallbacks.
PROBE_SHARE = 0.5
LATER = 1.0  # the least Retry-After, in seconds
ASK_AGAIN = 0.5  # seconds until this process asks again for a probe lock that another one holds


class Outcome(Enum):
    """What a finished call says about the dependency."""

    SUCCESS = "the dependency answered, perhaps with an error"
    FAILURE = "the dependency could not be used"
    NEUTRAL = "neither"
    SUSPECT = "the connection or the request failed; a check tells whether the dependency did"


@dataclass(frozen=True, slots=True)
class Admission:
    """Permission to make a call; ``epoch`` is the circuit's at that time."""

    epoch: int
    is_probe: bool


_OF_NO_STATE = Admission(epoch=-1, is_probe=False)


class _Translator(pybreaker.CircuitBreakerListener):
    """Translates pybreaker's events into ours. A change of state must set ``cause`` first, under the circuit's lock."""

    def __init__(self, listeners: Listener) -> None:
        self._listeners = listeners
        self.cause = ""

    def failure(self, cb: pybreaker.CircuitBreaker, exc: BaseException) -> None:
        self._listeners.failure(str(cb.name), exc)

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        change = StateChange(str(cb.name), old_state.name, new_state.name, self.cause, request_id.current())
        self._listeners.state_change(change)


class Circuit:
    """Opens for ``reset_timeout`` seconds after ``fail_max`` failures in a row.

    ``cause_of`` describes an error, given the deadline of its call, in words that may be published.
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
        self._epoch = 0  # increases with each change of state
        self._probe_running = False
        self._open_until = 0.0  # infinite while forced open
        self._forced: Action | None = None
        self._ask_again_at = 0.0
        self._last_error: dict[str, str] | None = None
        self._listeners.created(name, self.state)

    def _admit(self) -> Admission:
        # Read without the lock: a call that slips in while the circuit opens does no harm. The epoch is read first, so
        # that the outcome of such a call is dropped.
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
                self._probe_running = True  # other calls are rejected while this one asks for the probe lock
        admission = self._take_probe_lock(epoch) if is_due else None
        if admission is None:
            retry_after = max(LATER, self.retry_after)
            self._listeners.rejection(self.name, retry_after)
            raise CallRejected(self.name, retry_after)
        return admission

    def _take_probe_lock(self, epoch: int) -> Admission | None:
        """Return a probe's admission, or None if another process has the lock or the state has changed meanwhile."""
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
            return  # closed, and no failure to forget
        self._apply(admission, outcome, error)
        if admission.is_probe:
            self._probe_lock.release()

    def _apply(self, admission: Admission, outcome: Outcome, error: BaseException | None) -> None:
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
                self._open_until = self._clock() + self._machine.reset_timeout  # in case this opens it
                self._translator.cause = cause
                with suppress(BaseException):
                    self._machine.call(_raise, error)
            else:
                self._translator.cause = "probe succeeded"
                self._machine.call(_succeed)
            if self._machine.current_state != before:
                self._epoch += 1

    def share_with(self, listener: Listener, probe_lock: ProbeLock) -> None:
        """Add a listener, and ask ``probe_lock`` before each probe."""
        self._listeners.add(listener)
        self._probe_lock = probe_lock

    def open_for(self, seconds: float) -> None:
        """Open because another process found the dependency down; the next probe is due in ``seconds``."""
        with self._lock:
            if not self._forced:
                self._translator.cause = ELSEWHERE
                self._move(pybreaker.STATE_OPEN, self._clock() + seconds)

    def close(self) -> None:
        """Close because another process found the dependency up again."""
        with self._lock:
            if not self._forced:
                self._translator.cause = ELSEWHERE
                self._move(pybreaker.STATE_CLOSED)

    def override(self, action: Action, by: str) -> None:
        """``force-open`` or ``force-close`` the circuit until ``reset``, which closes it. ``by`` is for the log.

        While it is forced closed, failures still reach the callers, but do not count.
        """
        with self._lock:
            self._forced = None if action == "reset" else action
            self._translator.cause = action  # published, so without ``by``
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
        # Last: a call that still finds the circuit closed belongs to the earlier epoch, as those under way do.
        self._epoch += 1

    @property
    def forced(self) -> Action | None:
        """The override in force, or None."""
        return self._forced

    @property
    def state(self) -> str:
        """``closed``, ``open``, or ``half-open`` if the next call would be a probe."""
        state = self._machine.current_state
        if state == pybreaker.STATE_OPEN and self.retry_after == 0:
            return pybreaker.STATE_HALF_OPEN
        return state

    @property
    def retry_after(self) -> float:
        """Seconds until the next probe; 0 if a call can be made now."""
        if self._machine.current_state != pybreaker.STATE_OPEN:
            return 0.0
        left = self._open_until - self._clock()
        return self._machine.reset_timeout if left == math.inf else max(0.0, left)

    def events(self) -> list[dict[str, Any]]:
        """Return the last hundred changes of state, newest first."""
        return self._history.describe()


def _succeed() -> None:
    pass


def _raise(error: BaseException) -> None:
    raise error
