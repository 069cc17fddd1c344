"""Who is told what happens to a breaker."""

import logging
from collections.abc import Sequence
from typing import Any

import pybreaker


class Listener(pybreaker.CircuitBreakerListener):
    """A pybreaker listener that is also told of rejections and overrides."""

    def rejection(self, cb: pybreaker.CircuitBreaker, retry_after: float) -> None:
        """Called for each call that was not made."""

    def call_failed(self, cb: pybreaker.CircuitBreaker, exc: BaseException) -> None:
        """Called for each failure that is one call's own, and says nothing of the dependency."""

    def overridden(self, cb: pybreaker.CircuitBreaker, action: str, by: str) -> None:
        """Called when somebody takes the breaker in hand."""


class Listeners(Listener):
    """Passes events on; a listener that raises is logged and harms nobody."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = list(listeners)

    def add(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def failure(self, cb: pybreaker.CircuitBreaker, exc: BaseException) -> None:
        self._tell("failure", cb, exc)

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        self._tell("state_change", cb, old_state, new_state)

    def rejection(self, cb: pybreaker.CircuitBreaker, retry_after: float) -> None:
        self._tell("rejection", cb, retry_after)

    def call_failed(self, cb: pybreaker.CircuitBreaker, exc: BaseException) -> None:
        self._tell("call_failed", cb, exc)

    def overridden(self, cb: pybreaker.CircuitBreaker, action: str, by: str) -> None:
        self._tell("overridden", cb, action, by)

    def _tell(self, event: str, *args: Any) -> None:
        for listener in self._listeners:
            try:
                getattr(listener, event)(*args)
            except Exception:
                logging.getLogger(__name__).exception("breaker listener failed")
