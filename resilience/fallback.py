"""Reads that always answer: live, else the last good answer to the same key, else a default.

A fallback belongs to the call and not to the breaker: one breaker stands before many calls, each with its own.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from django.core.exceptions import ObjectDoesNotExist

from resilience import breakers, provenance, scope
from resilience.breaker import Breaker
from resilience.database import DatabaseBreaker
from resilience.errors import DependencyUnavailable, ExpectedError
from resilience.stale_cache import StaleCache

P = ParamSpec("P")
T = TypeVar("T")

stale_cache = StaleCache()


def with_fallback(
    breaker_name: str | None = None, *, default: Callable[..., T], keep_stale: bool = True
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a read with keyword-only, hashable arguments: they are the key.

    ``default`` gets the same arguments and must not fail. The source of each answer goes to ``provenance`` and to the
    counters. Errors that are answers (DoesNotExist) pass through, and the last good answer is forgotten with them.
    """

    def decorate(func: Callable[P, T]) -> Callable[P, T]:
        @wraps(func)
        def read(*args: P.args, **kwargs: P.kwargs) -> T:
            breaker = _breaker(breaker_name)
            key = (func.__module__, func.__qualname__, *sorted(kwargs.items()))
            started = time.perf_counter()

            def count(source: provenance.Source, age: float | None = None) -> None:
                provenance.note(source, age)
                breaker.answered(source, time.perf_counter() - started)

            try:
                with scope.reserve(is_open=False):  # also in a POST: what has a fallback leaves it to what has none
                    answer = breaker.call(func, *args, **kwargs)
            except DependencyUnavailable:
                kept = stale_cache.get(key)
                if kept is None:
                    answer = default(*args, **kwargs)
                    count("default")
                else:
                    answer, age = kept
                    count("stale", age)
            except (ExpectedError, ObjectDoesNotExist):
                stale_cache.discard(key)
                count("live")
                raise
            else:
                if keep_stale:
                    stale_cache.put(key, answer)
                count("live")
            return answer

        return read

    return decorate


def protected_write(
    breaker_name: str | None = None, *, confirm: Callable[..., Any] | None = None
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a write: it goes through the breaker, and DependencyUnavailable reaches the caller.

    ``confirm``, for writes to a database, is called with the same arguments if the connection is lost during the
    commit. It returns the result of the write, or raises InDoubt. Without it such a write fails as InDoubt.
    """

    def decorate(func: Callable[P, T]) -> Callable[P, T]:
        @wraps(func)
        def write(*args: P.args, **kwargs: P.kwargs) -> T:
            breaker = _breaker(breaker_name)
            if confirm is None:
                return breaker.call(func, *args, **kwargs)
            return cast(DatabaseBreaker, breaker).call_confirmed(confirm, func, *args, **kwargs)

        return write

    return decorate


def _breaker(name: str | None) -> Breaker:
    return breakers.database_breaker() if name is None else breakers.get(name)
