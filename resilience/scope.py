"""What the protected calls of this thread may do.

The middleware and the decorators set it. The database backend reads it from below Django's own frames, which pass on
no arguments of ours.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Scope(NamedTuple):
    """``inside`` and ``bypassed`` are names of breakers."""

    inside: frozenset[str] = frozenset()  # the outermost call through the breaker judges what happens inside of it
    bypassed: frozenset[str] = frozenset()  # calls are made whatever the state
    has_reserve: bool = False  # calls may use the reserved permits


_DEFAULT = Scope()
_current: ContextVar[Scope] = ContextVar("resilience_scope", default=_DEFAULT)


def is_inside(name: str) -> bool:
    """Whether this thread is inside of a call through the breaker."""
    return name in _current.get().inside


def is_bypassed(name: str) -> bool:
    """Whether this thread's calls ignore the state of the breaker."""
    return name in _current.get().bypassed


def has_reserve() -> bool:
    """Whether this thread's calls may use the reserved permits."""
    return _current.get().has_reserve


@contextmanager
def _set(scope: Scope) -> Iterator[None]:
    token = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)


def inside(name: str) -> AbstractContextManager[None]:
    """Inside, calls through the breaker are part of a call that is judged elsewhere."""
    inside, bypassed, has_reserve = _current.get()
    return _set(Scope(inside | {name}, bypassed, has_reserve))


def bypass(name: str) -> AbstractContextManager[None]:
    """Inside, calls through the breaker are made whatever its state, within their bounds, and change nothing."""
    inside, bypassed, has_reserve = _current.get()
    return _set(Scope(inside, bypassed | {name}, has_reserve))


def reserve(is_open: bool = True) -> AbstractContextManager[None]:
    """Inside, calls may use the reserved permits, or may not if it is not ``is_open``."""
    inside, bypassed, _ = _current.get()
    return _set(Scope(inside, bypassed, is_open))
