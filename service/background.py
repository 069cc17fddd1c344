"""Background threads of a process that serves requests."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from django.core.signals import request_started

LOOPS: dict[str, Callable[[], object]] = {}

logger = logging.getLogger(__name__)
_lock = threading.Lock()
_threads: dict[str, threading.Thread] = {}


def keep_running(name: str, loop: Callable[[], object]) -> None:
    """Run ``loop``, which never returns, in a thread of each process from its first request on."""
    LOOPS[name] = loop
    request_started.connect(_ensure_running)


def _ensure_running(**signal: Any) -> None:
    """Start each thread that does not run. Requests call it: threads do not survive gunicorn's fork."""
    with _lock:
        for name, loop in LOOPS.items():
            if name in _threads and _threads[name].is_alive():
                continue
            thread = threading.Thread(target=loop, name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # no thread can be started now: the next request tries again
                logger.error("a background thread cannot be started", extra={"loop": name, "error": str(error)})
            else:
                _threads[name] = thread
