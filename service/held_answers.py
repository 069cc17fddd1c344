"""Answers that are sent some time after they are ready, without holding a thread."""

import time
from contextvars import ContextVar

# When this thread's answer may be sent, on the monotonic clock. None: the server cannot hold answers.
_due: ContextVar[float | None] = ContextVar("due", default=None)


def hold(seconds: float) -> None:
    """Have the answer to the current request sent in ``seconds`` at the earliest. Sleeps under another server."""
    due = _due.get()
    if due is None:
        time.sleep(seconds)
    else:
        _due.set(max(due, time.monotonic() + seconds))


def begin() -> None:
    """Called by a server that can hold answers, before each request."""
    _due.set(0.0)


def delay() -> float:
    """The seconds for which the server has to hold this thread's answer."""
    return max(0.0, (_due.get() or 0.0) - time.monotonic())
