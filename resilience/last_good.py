"""The last good answer to each question, kept in this process for the time when no new one can be had."""

import sys
import threading
import time
from collections.abc import Hashable
from typing import Any, NamedTuple

from cachetools import TTLCache

MAX_BYTES = 64 * 1024 * 1024
_FLAT = frozenset({str, int, float, bool, type(None)})  # nearly all there is to measure, so they go first


class _Kept(NamedTuple):
    answer: Any
    since: float
    size: int
    measured: float


class LastGoodAnswers:
    """Bounded in bytes and in age (seconds); the least recently used go first. Holds public answers only."""

    def __init__(self, *, max_age: float = 86_400, max_bytes: int = MAX_BYTES) -> None:
        self._lock = threading.Lock()
        self._kept: TTLCache[Hashable, _Kept] = TTLCache(
            max_bytes, max_age, timer=time.monotonic, getsizeof=lambda kept: kept.size
        )

    def put(self, question: Hashable, answer: Any) -> None:
        now = time.monotonic()
        with self._lock:
            before = self._kept.get(question)
        # Measuring takes longer than keeping, and from one minute to the next an answer hardly changes its size.
        if before and now - before.measured < 60:
            size, measured = before.size, before.measured
        else:
            size, measured = approximate_size(answer), now
        with self._lock:
            if size <= self._kept.maxsize:
                self._kept[question] = _Kept(answer, now, size, measured)

    def get(self, question: Hashable) -> tuple[Any, float] | None:
        """The answer and its age in seconds, or None."""
        with self._lock:
            kept = self._kept.get(question)
        return None if kept is None else (kept.answer, time.monotonic() - kept.since)

    def discard(self, question: Hashable) -> None:
        with self._lock:
            self._kept.pop(question, None)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


def approximate_size(value: Any) -> int:
    """Bytes of memory that ``value`` takes, to within a factor of two; what several parts share is counted for each."""
    size = sys.getsizeof(value)
    if type(value) in _FLAT:
        return size
    if isinstance(value, list | tuple):
        return size + sum(map(approximate_size, value))
    if isinstance(value, dict):
        return size + sum(map(approximate_size, value)) + sum(map(approximate_size, value.values()))
    if hasattr(value, "__dict__"):  # the attributes' names are shared by all instances
        return size + sys.getsizeof(vars(value)) + sum(map(approximate_size, vars(value).values()))
    return size
