"""How both services are served: `gunicorn recommender_site.wsgi` and `gunicorn ad_provider_site.wsgi` read this file.

Threads, because a request mostly waits for the database or the ad provider; what is special about them is in
service/worker.py. WEB_CONCURRENCY sets the worker processes.
"""

import atexit
import gc
import os
import shutil
import tempfile
from typing import Any

worker_class = "service.worker.Worker"
try:
    threads = int(os.environ.get("THREADS", "8"))
except ValueError:
    raise SystemExit("THREADS: must be a whole number from 1 to 1000") from None
keepalive = 30
# Of each, a body that is still on its way may be in memory.
worker_connections = 250
# Loads the project before any worker is forked: a setting that cannot be used ends the start with its one line.
preload_app = True
# Nobody here steers gunicorn at run time, and its socket wants a home folder to write to.
control_socket_disable = True

# The worker processes write their metrics here, so that whichever of them is scraped can sum them up.
_metrics = tempfile.mkdtemp(prefix="metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _metrics
_master = os.getpid()


def _remove_metrics() -> None:
    if os.getpid() == _master:
        shutil.rmtree(_metrics, ignore_errors=True)


atexit.register(_remove_metrics)


def post_fork(server: Any, worker: Any) -> None:
    # What was loaded stays for good. Without this the garbage collector goes through all of it now and then, and some
    # request waits 30 ms for that.
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    from resilience.breakers import all_breakers

    all_breakers()  # made now, so that the metrics show them before the first call


def child_exit(server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
