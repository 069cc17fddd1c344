"""A limit on the calls that are under way at once: a slow dependency, whose breaker is still closed, never holds every
worker thread. The pattern: https://learn.microsoft.com/azure/architecture/patterns/bulkhead"""

from queue import Empty, SimpleQueue

# Seconds. Calls of a healthy dependency make room within a few milliseconds, those of a slow one do not.
PATIENCE = 0.05


class Bulkhead:
    """``places`` calls at once; None is without limit."""

    def __init__(self, places: int | None) -> None:
        self._free: SimpleQueue[None] | None = None
        if places is not None:
            self._free = SimpleQueue()
            for _ in range(places):
                self._free.put(None)

    def enter(self) -> bool:
        """Take a place; False where none gets free at once."""
        if self._free is None:
            return True
        try:
            self._free.get(timeout=PATIENCE)
        except Empty:
            return False
        return True

    def leave(self) -> None:
        """Give the place back."""
        if self._free is not None:
            self._free.put(None)
