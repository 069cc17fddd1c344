"""How both services are served: `gunicorn recommender_site.wsgi` and `gunicorn ad_provider_site.wsgi` read this file.

gunicorn manages the processes, parses request heads and frames responses. The worker is our own, service/worker.py: it
buffers whole requests and responses in an event loop, so that only the application holds a thread, never a client.
gunicorn's gthread blocks a thread on a client that sends or reads slowly, Granian on a slow body. waitress buffers
both, but it has no limit on the time of a request, no draining and no eviction, scans a long head quadratically, and
accepts Content-Length beside Transfer-Encoding; mending that takes as much code, on its internals. Requests per second
relative to gthread: a bare view 1.35 (waitress 1.10), a product 1.13 (1.01).

WEB_CONCURRENCY sets the worker processes.
"""

import atexit
import gc
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

worker_class = "service.worker.Worker"
try:
    threads = int(os.environ.get("THREADS", "8"))
except ValueError:
    raise SystemExit("THREADS: must be a whole number from 1 to 1000") from None
if os.environ.get("WEB_CONCURRENCY", "1") == "0":
    raise SystemExit("WEB_CONCURRENCY: must be a whole number above 0")
# No peer may set SCRIPT_NAME or PATH_INFO by a header.
forwarder_headers = ""
keepalive = 30
limit_request_line = 8190  # bytes, the most that gunicorn takes
# In each process. A new connection takes the place of the one that has been idle longest.
worker_connections = 250
# Loads the project before any worker is forked: a setting that cannot be used ends the start with its one line.
preload_app = True
# Nobody controls gunicorn at run time, and its socket needs a home folder to write to.
control_socket_disable = True

# The worker processes write their metrics here, so that whichever of them is scraped can sum them up.
_metrics = tempfile.mkdtemp(prefix="metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _metrics
_master = os.getpid()


def _remove_metrics() -> None:
    if os.getpid() == _master:
        shutil.rmtree(_metrics, ignore_errors=True)


atexit.register(_remove_metrics)


def pre_fork(server: Any, worker: Any) -> None:
    # Whoever cleans /tmp may have removed it, and a worker that cannot count cannot answer.
    with suppress(OSError):  # would end gunicorn
        Path(_metrics).mkdir(mode=0o700, exist_ok=True)


def post_fork(server: Any, worker: Any) -> None:
    # What was loaded stays for good. Without this the garbage collector goes through all of it now and then, and some
    # request waits 30 ms for that.
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    from resilience.breakers import all_breakers

    all_breakers()  # made now, so that the metrics show them before the first call


def child_exit(server: Any, worker: Any) -> None:
    from service import dead_workers

    try:
        dead_workers.fold(worker.pid, server.WORKERS.keys())
    except Exception:  # would end gunicorn, and all workers with it
        server.log.exception("The metrics of worker %s are not added up", worker.pid)
