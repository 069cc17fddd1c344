"""Counts of answers by source: since the start, and for each second of the last ten minutes."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from resilience.provenance import SOURCES, Source

SECONDS = 600


@dataclass(slots=True)
class _Second:
    number: int
    sources: Counter[Source] = field(default_factory=Counter)
    slowest: float = 0.0


class Answers:
    """The counts of one dependency in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._totals: Counter[Source] = Counter()
        self._seconds: deque[_Second] = deque(maxlen=SECONDS)

    def count(self, source: Source, took: float) -> None:
        """Count one answer; ``took`` is in seconds."""
        now = int(self._clock())
        with self._lock:
            self._totals[source] += 1
            if not self._seconds or self._seconds[-1].number != now:
                self._seconds.append(_Second(now))
            second = self._seconds[-1]
            second.sources[source] += 1
            second.slowest = max(second.slowest, took)

    def totals(self) -> dict[Source, int]:
        """Return the number of answers by source since the process started."""
        return {source: self._totals[source] for source in SOURCES}

    def timeline(self) -> list[dict[str, Any]]:
        """Return each second of the last ten minutes that had an answer, oldest first.

        ``ago`` and ``slowest``, the duration of the slowest answer, are in seconds.
        """
        now = int(self._clock())
        with self._lock:
            return [
                {
                    "ago": now - each.number,
                    **{source: each.sources[source] for source in SOURCES},
                    "slowest": each.slowest,
                }
                for each in self._seconds
                if now - each.number < SECONDS
            ]
