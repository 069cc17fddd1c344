"""The parts of a page. Each has its own answer, and says where that came from."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
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


class Pending(Generic[T]):
    """A part that a thread reads while the page goes on. Take only what needs no database: its connections are of the
    thread that opened them, and only the request's thread closes them."""

    def __init__(self, pool: ThreadPoolExecutor, function: Callable[..., T], **arguments: Any) -> None:
        # The deadline and the request's id cross over.
        self._future: Future[Part[T]] = pool.submit(copy_context().run, self._read, function, arguments)

    @staticmethod
    def _read(function: Callable[..., T], arguments: dict[str, Any]) -> Part[T]:
        provenance.begin()  # two threads must not write to the request's record at once
        return read(function, **arguments)

    def part(self) -> Part[T]:
        """Wait for the answer."""
        part = self._future.result()
        provenance.note(part.source, part.age)
        return part
