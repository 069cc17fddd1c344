"""How readers were answered, in figures: since the start, and second by second over the last ten minutes."""

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
    """Counts of one dependency in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._totals: Counter[Source] = Counter()
        self._seconds: deque[_Second] = deque(maxlen=SECONDS)

    def count(self, source: Source, took: float) -> None:
        """Count one answer that ``took`` so many seconds."""
        now = int(self._clock())
        with self._lock:
            self._totals[source] += 1
            if not self._seconds or self._seconds[-1].number != now:
                self._seconds.append(_Second(now))
            second = self._seconds[-1]
            second.sources[source] += 1
            second.slowest = max(second.slowest, took)

    def totals(self) -> dict[Source, int]:
        """Answers by source since the process started."""
        return {source: self._totals[source] for source in SOURCES}

    def timeline(self) -> list[dict[str, Any]]:
        """The seconds of the last ten minutes in which there was an answer, oldest first.

        ``ago`` is in seconds, ``slowest`` the longest that an answer took, in seconds.
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
