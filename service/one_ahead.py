"""Produces the next item in a thread while the current one is used."""

from collections.abc import Generator
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

JOIN_TIMEOUT = 2.0  # seconds

Item = TypeVar("Item")


def one_ahead(items: Generator[Item, None, None], name: str) -> Generator[Item, None, None]:
    """The items, each produced while the one before it is used. ``name`` is that of the thread. Items are not None."""
    wanted: SimpleQueue[bool] = SimpleQueue()
    produced: SimpleQueue[Item | BaseException | None] = SimpleQueue()

    def produce() -> None:
        while wanted.get():
            try:
                produced.put(next(items, None))
            except BaseException as error:
                produced.put(error)

    thread = Thread(target=produce, name=name, daemon=True)
    thread.start()
    try:
        wanted.put(True)
        while (item := produced.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            wanted.put(True)
            yield item
    finally:
        wanted.put(False)
        # A thread that waits for a pipe is abandoned, so that Ctrl-C ends the command at once.
        thread.join(JOIN_TIMEOUT)
        if not thread.is_alive():
            items.close()
