"""A limit on the calls that are under way at once: a slow dependency, whose breaker is still closed, never holds every
worker thread. The pattern: https://learn.microsoft.com/azure/architecture/patterns/bulkhead"""

import time
from queue import Empty, SimpleQueue

# Seconds. Calls of a healthy dependency make room within a few milliseconds, those of a slow one do not.
PATIENCE = 0.05


class Bulkhead:
    """``places`` calls at once; None is without limit."""

    def __init__(self, places: int | None) -> None:
        self._free: SimpleQueue[None] | None = None
        self._moved_at = 0.0  # when somebody last came or went
        if places is not None:
            self._free = SimpleQueue()
            for _ in range(places):
                self._free.put(None)

    def enter(self) -> bool:
        """Take a place; False at once where none has got free for PATIENCE, and after that time elsewhere."""
        if self._free is None:
            return True
        try:
            # Where nobody has moved for a while nobody is likely to: the wait would hold one thread more.
            self._free.get(timeout=max(0.0, self._moved_at + PATIENCE - time.monotonic()))
        except Empty:
            return False
        self._moved_at = time.monotonic()
        return True

    def leave(self) -> None:
        """Give the place back."""
        if self._free is not None:
            self._moved_at = time.monotonic()
            self._free.put(None)
