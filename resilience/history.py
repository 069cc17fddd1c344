"""The last changes of state of a breaker, for people who ask what happened."""

from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pybreaker

from resilience import request_id
from resilience.events import Listener

LENGTH = 100


@dataclass(frozen=True, slots=True)
class Event:
    """One change. ``cause`` is in words that everybody may read; ``time`` is ISO 8601, UTC."""

    time: str
    from_state: str
    to_state: str
    cause: str
    request_id: str | None


class History(Listener):
    """Keeps the last LENGTH changes. Whoever makes a change sets ``cause`` first, under the breaker's lock."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=LENGTH)
        self.cause = ""

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._events.append(Event(now, old_state.name, new_state.name, self.cause, request_id.current()))

    def describe(self) -> list[dict[str, Any]]:
        """The changes, newest first."""
        return [asdict(event) for event in reversed(self._events.copy())]
