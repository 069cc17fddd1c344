"""The background threads of a process that serves ads."""

import logging
import threading
from typing import Any

from campaigns.repository import spool
from campaigns.snapshot import refresher

LOOPS = {"ads-snapshot": refresher.run, "ads-spool": spool.run}

logger = logging.getLogger(__name__)
_lock = threading.Lock()
_threads: dict[str, threading.Thread] = {}


def ensure_running(**signal: Any) -> None:
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
