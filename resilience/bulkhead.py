"""A limit on the calls that are under way at once: a slow dependency, whose breaker is still closed, never holds every
worker thread. The pattern: https://learn.microsoft.com/azure/architecture/patterns/bulkhead"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from queue import Empty, SimpleQueue

# Seconds. Calls of a healthy dependency make room within a few milliseconds, those of a slow one do not.
PATIENCE = 0.05
Place = SimpleQueue[None]  # the queue that it goes back to

_has_reserve: ContextVar[bool] = ContextVar("has_reserve", default=False)


@contextmanager
def reserve() -> Iterator[None]:
    """Inside, calls may use the reserve: for work that nothing can be answered instead of."""
    token = _has_reserve.set(True)
    try:
        yield
    finally:
        _has_reserve.reset(token)


class Bulkhead:
    """``places`` calls at once, and a reserve of half as many."""

    def __init__(self, places: int) -> None:
        self._free, self._reserve = Place(), Place()
        self._moved_at = 0.0  # when somebody last came or went
        for queue, size in ((self._free, places), (self._reserve, places // 2)):
            for _ in range(size):
                queue.put(None)

    def enter(self) -> Place | None:
        """Take a place; None at once where none has got free for PATIENCE, and after that time elsewhere."""
        # From the reserve first, so that those who have none keep all of theirs.
        if _has_reserve.get() and (place := self._take(self._reserve, 0.0)):
            return place
        # Where nobody has moved for a while nobody is likely to: the wait would hold one thread more.
        return self._take(self._free, max(0.0, self._moved_at + PATIENCE - time.monotonic()))

    def _take(self, place: Place, patience: float) -> Place | None:
        try:
            place.get(timeout=patience)
        except Empty:
            return None
        self._moved_at = time.monotonic()
        return place

    def leave(self, place: Place) -> None:
        """Give the place back."""
        self._moved_at = time.monotonic()
        place.put(None)
