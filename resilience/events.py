"""What happens to a breaker, and who is told."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resilience.provenance import Source

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of one breaker's state. ``cause`` is safe to publish; ``request_id`` is None outside of a request."""

    name: str
    from_state: str
    to_state: str
    cause: str
    request_id: str | None


class Listener:
    """Base class of listeners: override the events that you need.

    Breakers call these methods from the thread of the protected call, ``state_change`` and ``failure`` while they hold
    their lock. So a listener must not wait.
    """

    def created(self, name: str, state: str) -> None:
        """Called once, before the first call."""

    def state_change(self, change: StateChange) -> None:
        """Called for each change of state."""

    def failure(self, name: str, error: BaseException) -> None:
        """Called for each failure that counts."""

    def call_failed(self, name: str, error: BaseException) -> None:
        """Called for each failure that concerns one call only and does not count."""

    def rejection(self, name: str, retry_after: float) -> None:
        """Called for each call that was not made."""

    def overridden(self, name: str, action: str, by: str) -> None:
        """Called for each override."""

    def answered(self, name: str, source: Source) -> None:
        """Called for each read that was answered, from the dependency or from a fallback."""


class Listeners(Listener):
    """Passes each event on. An exception in a listener is logged and reaches nobody else."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = list(listeners)

    def add(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def created(self, name: str, state: str) -> None:
        self._tell("created", name, state)

    def state_change(self, change: StateChange) -> None:
        self._tell("state_change", change)

    def failure(self, name: str, error: BaseException) -> None:
        self._tell("failure", name, error)

    def call_failed(self, name: str, error: BaseException) -> None:
        self._tell("call_failed", name, error)

    def rejection(self, name: str, retry_after: float) -> None:
        self._tell("rejection", name, retry_after)

    def overridden(self, name: str, action: str, by: str) -> None:
        self._tell("overridden", name, action, by)

    def answered(self, name: str, source: Source) -> None:
        self._tell("answered", name, source)

    def _tell(self, event: str, *args: Any) -> None:
        for listener in self._listeners:
            try:
                getattr(listener, event)(*args)
            except Exception:
                logger.exception("breaker listener failed")
