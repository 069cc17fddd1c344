"""The parts of a page. Each has its own answer, and says where that came from."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from threading import Semaphore
from typing import Any, Generic, NamedTuple, TypeVar

from resilience import provenance

T = TypeVar("T")
V = TypeVar("V")


class Part(NamedTuple, Generic[T]):
    """What a repository function answered. ``age`` is in seconds, and None unless ``source`` is stale."""

    value: T
    source: provenance.Source
    age: float | None

    @property
    def is_default(self) -> bool:
        return self.source == "default"

    def with_value(self, value: V) -> "Part[V]":
        """What is made of the answer, with where it came from."""
        return Part(value, self.source, self.age)


def read(function: Callable[..., T], **arguments: Any) -> Part[T]:
    """Call a repository function for one part of the page."""
    with provenance.apart() as own:
        value = function(**arguments)
    return Part(value, own.source or "live", own.age)


class Readers:
    """Threads that read parts while pages go on."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free = Semaphore(threads)

    def begin(self, function: Callable[..., T], **arguments: Any) -> Callable[[], Part[T]]:
        """Begin to read a part. Return a function that waits for it.

        If no thread is free, that function reads the part in the thread that calls it. So nothing queues, and a page
        waits no longer than the call's own deadline.

        Take only what needs no database: its connections belong to the thread that opened them, and only the request's
        thread closes them.
        """
        if not self._free.acquire(blocking=False):
            return partial(read, function, **arguments)
        # The deadline and the request's id cross over.
        future = self._pool.submit(copy_context().run, self._read, function, arguments)

        def wait() -> Part[T]:
            part = future.result()
            provenance.note(part.source, part.age)
            return part

        return wait

    def _read(self, function: Callable[..., T], arguments: dict[str, Any]) -> Part[T]:
        try:
            provenance.begin()  # two threads must not write to the request's record at once
            return read(function, **arguments)
        finally:
            self._free.release()
