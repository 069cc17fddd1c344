"""A limit on the calls that are under way at once: a slow dependency, whose breaker is still closed, never holds every
worker thread. The pattern: https://learn.microsoft.com/azure/architecture/patterns/bulkhead"""

import threading
import time
from typing import Literal

# If no call ends during this time, in seconds, the dependency makes no progress. It is longer than the check of an idle
# connection, and waited for in slices, so that a process that was frozen for a moment does not blame the dependency.
STALL_TIMEOUT = 0.5
SLICES = 10

Permit = Literal["shared", "reserved"]


class Bulkhead:
    """``permits`` calls at once, and a reserve of half as many."""

    def __init__(self, permits: int) -> None:
        self._free: dict[Permit, int] = {"shared": permits, "reserved": permits // 2}
        self._changed = threading.Condition(threading.Lock())  # a quarter of the default lock's time
        self._waiting = 0  # callers
        self._released = 0  # permits that came back so far
        self._is_stalled = False

    def acquire(self, timeout: float | None, *, may_use_reserve: bool = False) -> Permit | None:
        """Return a permit, or None if none is released within ``timeout`` seconds or the dependency makes no progress.

        The first caller that waits STALL_TIMEOUT while no call ends finds that out. Until one ends, all others are
        told at once.
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
                # Never taken back here: whoever came later has seen fewer slices.
                self._is_stalled = self._is_stalled or idle_slices >= SLICES
        return permit

    def _take(self, may_use_reserve: bool) -> Permit | None:
        # The reserve comes first, so that those who may not use it keep all of theirs.
        usable: tuple[Permit, ...] = ("reserved", "shared") if may_use_reserve else ("shared",)
        for permit in usable:
            if self._free[permit]:
                self._free[permit] -= 1
                return permit
        return None

    def release(self, permit: Permit) -> None:
        """Give the permit back."""
        with self._changed:
            self._free[permit] += 1
            self._released += 1
            self._is_stalled = False
            if self._waiting:
                # Not one only: that one may not be allowed to use this permit.
                self._changed.notify_all()
