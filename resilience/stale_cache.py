"""The last good answer for each cache key, kept in this process for outages."""

import sys
import threading
import time
from collections.abc import Collection, Hashable
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple

from cachetools import TTLCache

from resilience.conf import conf

MAX_BYTES = 64 * 1024 * 1024
ENTRY = 400  # bytes of overhead for each answer: the cache's own links and dictionaries
# Types without parts, or with negligible ones.
_FLAT = frozenset({str, int, float, bool, type(None), Decimal})


class _Kept(NamedTuple):
    answer: Any
    since: float
    size: int


class StaleCache:
    """Bounded in bytes and in age (seconds, by default STALE_MAX_AGE). Evicts the least recently used first.

    For public answers only: all users share them.
    """

    def __init__(self, *, max_age: float | None = None, max_bytes: int = MAX_BYTES) -> None:
        self._lock = threading.Lock()
        self._max_age, self._max_bytes = max_age, max_bytes

    @cached_property
    def _kept(self) -> TTLCache[Hashable, _Kept]:
        max_age = conf.STALE_MAX_AGE if self._max_age is None else self._max_age
        return TTLCache(self._max_bytes, max_age, timer=time.monotonic, getsizeof=lambda kept: kept.size)

    def put(self, key: Hashable, answer: Any, since: float | None = None) -> None:
        """Keep an answer that was true at ``since``, on the monotonic clock; by default now."""
        with self._lock:
            before = self._kept.get(key)
        if before is not None and before.answer == answer:
            size = before.size  # to compare two answers takes a tenth of the time of looking at each of their parts
        else:
            # Clients choose the keys, so a key counts too: with an empty answer it is most of the size.
            size = ENTRY + approximate_size(key) + approximate_size(answer)
        kept = _Kept(answer, time.monotonic() if since is None else since, size)
        with self._lock:
            if kept.size <= self._kept.maxsize:
                self._kept[key] = kept
            else:
                self._kept.pop(key, None)

    def get(self, key: Hashable) -> tuple[Any, float] | None:
        """Return the answer and its age in seconds, or None."""
        with self._lock:
            kept = self._kept.get(key)
        return None if kept is None else (kept.answer, time.monotonic() - kept.since)

    def discard(self, key: Hashable) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


def approximate_size(value: Any) -> int:
    """Return the bytes of memory that ``value`` takes, within a factor of two. Shared parts count each time."""
    return sys.getsizeof(value) + _size_of_parts(value)


def _size_of_parts(value: Any) -> int:
    size = 0
    parts: Collection[Any] = ()
    if isinstance(value, list | tuple):
        parts = value
    elif isinstance(value, dict):
        parts = [*value, *value.values()]
    elif isinstance(value, type | Enum):
        return 0  # shared by all answers, and its parts lead back to it
    elif attributes := getattr(value, "__dict__", None):  # all instances share the names
        size, parts = sys.getsizeof(attributes), attributes.values()
    # Runs for every answer, so the loops over the parts are in C.
    size += sum(map(sys.getsizeof, parts))
    if not _FLAT.issuperset(map(type, parts)):
        size += sum([_size_of_parts(part) for part in parts if type(part) not in _FLAT])
    return size
