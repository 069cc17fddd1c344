"""Decorators that declare protected calls: reads that always answer, and writes.

A fallback belongs to the call, not to the breaker: one breaker protects many calls, each with its own fallback.
"""

import math
import time
from collections.abc import Callable, Hashable, Iterator
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar, cast

from django.core.exceptions import ObjectDoesNotExist
from django.db import DEFAULT_DB_ALIAS

from resilience import breakers, provenance, scope, standby
from resilience.breaker import Breaker
from resilience.conf import conf
from resilience.database import DatabaseBreaker
from resilience.errors import DependencyUnavailable, ExpectedError
from resilience.stale_cache import StaleCache

P = ParamSpec("P")
T = TypeVar("T")

stale_cache = StaleCache()


def with_fallback(
    breaker_name: str | None = None,
    *,
    default: Callable[..., T],
    keep_stale: bool = True,
    revise: Callable[[T, float], T | None] = lambda answer, age: answer,
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a read: it returns the live answer, else a stale one, else the default.

    The stale answer is the fresher of the last good one for the same arguments and that of the standby, which only
    reads of the default database have. Without ``keep_stale`` there is neither.

    The arguments are the cache key, so they are keyword-only and hashable. ``default`` gets the same arguments and must
    not fail. ``revise`` gets a stale answer and the seconds since it was true, and returns what is served of it, or
    None for the next one. Errors that are answers (DoesNotExist) pass through, and the kept answer is discarded. By
    default the breaker is that of the default database.
    """

    def decorate(func: Callable[P, T]) -> Callable[P, T]:
        @wraps(func)
        def read(*args: P.args, **kwargs: P.kwargs) -> T:
            breaker = _breaker(breaker_name)
            key = (func.__module__, func.__qualname__, *sorted(kwargs.items()))
            started = time.monotonic()

            def count(source: provenance.Source, age: float | None = None) -> None:
                provenance.note(source, age)
                breaker.answered(source, time.monotonic() - started)

            try:
                with scope.reserve(is_open=False):  # the reserve is for calls without a fallback
                    answer = breaker.call(func, *args, **kwargs)
            except DependencyUnavailable:
                for stale, age in _stale_answers(key, breaker, partial(func, *args, **kwargs)) if keep_stale else ():
                    revised = revise(stale, age)
                    if revised is not None:
                        count("stale", age)
                        return revised
                answer = default(*args, **kwargs)
                count("default")
            except (ExpectedError, ObjectDoesNotExist):
                stale_cache.discard(key)
                count("live")
                raise
            else:
                if keep_stale:
                    stale_cache.put(key, answer, since=started)
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


def _stale_answers(key: Hashable, breaker: Breaker, call: Callable[[], Any]) -> Iterator[tuple[Any, float]]:
    """Yield stale answers, each with its age in seconds, the freshest first."""
    kept = stale_cache.get(key)
    if isinstance(breaker, DatabaseBreaker) and breaker.alias == DEFAULT_DB_ALIAS:
        started = time.monotonic()
        if found := standby.read(call, fresher_than=kept[1] if kept else math.inf):
            breakers.database_breaker(conf.STANDBY_DATABASE).answered("stale", time.monotonic() - started)
            yield found
    if kept:
        yield kept


def _breaker(name: str | None) -> Breaker:
    return breakers.database_breaker() if name is None else breakers.get(name)
