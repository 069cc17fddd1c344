"""A check of this process's own, made beside everything else."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

logger = logging.getLogger(__name__)

# Seconds after which a check has failed. A check ends by itself before; a hanging name server does not let it.
PATIENCE = 0.3


class Check:
    """One call of ``reach`` in a thread of its own, and of ``then`` when it is over."""

    def __init__(self, reach: Callable[[], bool], then: Callable[[], object]) -> None:
        self._found: Future[bool] = Future()
        self._until = time.monotonic() + PATIENCE
        threading.Thread(target=self._make, args=(reach, then), name="dependency-check", daemon=True).start()

    def _make(self, reach: Callable[[], bool], then: Callable[[], object]) -> None:
        try:
            self._found.set_result(reach())
        except Exception:
            logger.exception("check failed")
            self._found.set_result(False)
        then()

    @property
    def result(self) -> bool | None:
        """Whether the dependency was reached; None while that is not known. Does not wait."""
        if self._found.done():
            return self._found.result()
        return None if time.monotonic() < self._until else False
