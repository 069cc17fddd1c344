"""A check in its own thread whether a dependency can be reached."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

logger = logging.getLogger(__name__)


class Check:
    """Calls ``reach``, which must be bounded in time, and then ``then`` with its result, both in a new thread."""

    def __init__(self, reach: Callable[[], bool], then: Callable[[bool], object]) -> None:
        self._found: Future[bool] = Future()
        try:
            threading.Thread(target=self._make, args=(reach, then), name="dependency-check", daemon=True).start()
        except RuntimeError:  # no more threads: this process reaches nothing new
            logger.exception("check failed")
            self._found.set_result(False)
            then(False)

    def _make(self, reach: Callable[[], bool], then: Callable[[bool], object]) -> None:
        try:
            self._found.set_result(reach())
        except Exception:
            logger.exception("check failed")
            self._found.set_result(False)
        then(self._found.result())

    @property
    def result(self) -> bool | None:
        """Whether the dependency was reached; None while the check runs. Does not wait."""
        return self._found.result() if self._found.done() else None
