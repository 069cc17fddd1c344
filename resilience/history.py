"""The last state changes of a breaker."""

from collections import deque
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from resilience.events import Listener, StateChange

LENGTH = 100


class History(Listener):
    """Keeps the last LENGTH state changes."""

    def __init__(self) -> None:
        self._changes: deque[tuple[str, StateChange]] = deque(maxlen=LENGTH)

    def state_change(self, change: StateChange) -> None:
        self._changes.append((datetime.now(UTC).isoformat(timespec="milliseconds"), change))

    def describe(self) -> list[dict[str, Any]]:
        """Return the changes, newest first, each with its ``time`` (ISO 8601, UTC)."""
        found = [{"time": time} | asdict(change) for time, change in reversed(self._changes.copy())]
        return [{key: value for key, value in each.items() if key != "name"} for each in found]
