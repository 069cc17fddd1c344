"""One deadline for a whole call, with all of its reads, writes and retries.

The deadline is a time on the monotonic clock. Code that waits (the PostgreSQL wait callback, the HTTP sockets) calls
``remaining()`` before each wait.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class DeadlineExceeded(TimeoutError):
    """The deadline of the call has passed."""


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Bound the block to ``seconds``; None adds no bound. An earlier outer deadline stays in force."""
    if seconds is None:
        yield
        return
    outer, inner = _deadline.get(), time.monotonic() + seconds
    token = _deadline.set(inner if outer is None else min(outer, inner))
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining(default: float | None = None) -> float | None:
    """Return the seconds left, or ``default`` without a deadline. Raises DeadlineExceeded if none are left."""
    deadline = _deadline.get()
    if deadline is None:
        return default
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlineExceeded
    return left
