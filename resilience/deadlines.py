"""One deadline for a whole call, however many reads, writes and retries it is made of.

The deadline is a point on the monotonic clock. Code that waits (the PostgreSQL wait callback, the HTTP sockets) asks
``remaining()`` before each wait.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class DeadlineExceeded(TimeoutError):
    """The time for the whole call is over."""


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Bound everything inside to ``seconds``; None adds no bound. An outer deadline that is nearer stays in force."""
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
    """Seconds left, or ``default`` where no deadline is set. Raises DeadlineExceeded when none are left."""
    deadline = _deadline.get()
    if deadline is None:
        return default
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlineExceeded
    return left
