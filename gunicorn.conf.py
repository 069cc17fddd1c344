"""How both services are served: `gunicorn recommender_site.wsgi` and `gunicorn ad_provider_site.wsgi` read this file.

gunicorn manages the processes, parses heads and frames answers; between client and application stands a worker of our
own, service/worker.py. Its event loop reads whole requests and writes whole answers, and a thread is held by the
application only. gunicorn's threads wait for clients that send or read slowly, and Granian's for a slow body. waitress
waits for neither, but has no bound on the time of a request, draws out no stop, searches a head again for each piece
of it, accepts nobody when it is full, and takes what can be read in two ways: more code than this worker to mend, and
slower (bare view: 1.10 times gunicorn's threads, this worker 1.35 times; a product: 1.01 and 1.13).

WEB_CONCURRENCY sets the worker processes.
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
# In a process. Whoever comes when there are so many takes the place of the one that was silent for longest.
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
