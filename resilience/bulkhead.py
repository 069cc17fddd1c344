"""A limit on concurrent calls, so that a slow dependency whose circuit is still closed cannot hold every worker thread.

The pattern: https://learn.microsoft.com/azure/architecture/patterns/bulkhead
"""

import threading
import time
from typing import Literal

# Seconds without a released permit after which the dependency counts as stalled. Longer than the check of an idle
# connection. Waits are sliced, so that a process that was frozen for a moment does not blame the dependency.
STALL_TIMEOUT = 0.5
SLICES = 10

Permit = Literal["shared", "reserved"]


class Bulkhead:
    """Hands out ``permits`` permits, and half as many reserved ones."""

    def __init__(self, permits: int) -> None:
        self._free: dict[Permit, int] = {"shared": permits, "reserved": permits // 2}
        self._changed = threading.Condition(threading.Lock())  # takes a quarter of the default RLock's time
        self._waiting = 0  # callers
        self._released = 0  # permits, so far
        self._is_stalled = False

    def acquire(self, timeout: float | None, *, may_use_reserve: bool = False) -> Permit | None:
        """Return a permit, or None if none is released within ``timeout`` seconds or the dependency is stalled.

        It is stalled once a caller has waited STALL_TIMEOUT without any release. From then until the next release,
        callers get None at once.
        """
        with self._changed:
            if permit := self._take(may_use_reserve):
                return permit
            self._waiting += 1
            try:
                return self._wait(timeout, may_use_reserve)
            finally:
                self._waiting -= 1

    def _wait(self, timeout: float | None, may_use_reserve: bool) -> Permit | None:
        until = None if timeout is None else time.monotonic() + timeout
        idle_slices, seen = 0, self._released
        while not (permit := self._take(may_use_reserve)):
            if self._is_stalled or (until is not None and time.monotonic() >= until):
                return None
            if self._changed.wait(STALL_TIMEOUT / SLICES) or self._released != seen:
                idle_slices, seen = 0, self._released
            else:
                idle_slices += 1
                # Never reset here: a caller that came later has seen fewer slices.
                self._is_stalled = self._is_stalled or idle_slices >= SLICES
        return permit

    def _take(self, may_use_reserve: bool) -> Permit | None:
        # Reserved permits first: the shared ones are all that other callers have.
        usable: tuple[Permit, ...] = ("reserved", "shared") if may_use_reserve else ("shared",)
        for permit in usable:
            if self._free[permit]:
                self._free[permit] -= 1
                return permit
        return None

    def release(self, permit: Permit) -> None:
        """Give a permit back."""
        with self._changed:
            self._free[permit] += 1
            self._released += 1
            self._is_stalled = False
            if self._waiting:
                # notify() could wake a caller that may not use this permit.
                self._changed.notify_all()
