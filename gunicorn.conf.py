"""gunicorn's settings for `gunicorn recommender_site.wsgi` and `gunicorn ad_provider_site.wsgi`.

gunicorn manages the processes, parses request heads and frames responses. The worker is our own, service/worker.py: it
buffers whole requests and responses in an event loop, so that no client holds a thread. Why not another one:

* gunicorn's gthread blocks a thread on a client that sends or reads slowly.
* Granian blocks a thread on a slow body.
* waitress buffers both, but has no request timeout, no draining and no eviction. It scans a long head in quadratic
  time, and accepts Content-Length beside Transfer-Encoding. Fixing that takes as much code, on its internals.

Requests per second relative to gthread: a bare view 1.35 (waitress 1.10), a product 1.13 (1.01).

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
# No client may set SCRIPT_NAME or PATH_INFO with a header.
forwarder_headers = ""
# Nor the scheme: HTTPS=on tells Django which header to believe.
forwarded_allow_ips = ""
keepalive = 30
limit_request_line = 8190  # bytes, the most that gunicorn takes
# Per process. A new connection evicts the one that has been idle longest.
worker_connections = 250
# Loads the project before the fork, so that an invalid setting ends the start with one line.
preload_app = True
# Nobody controls gunicorn at run time, and its control socket needs a writable home folder.
control_socket_disable = True

# While the code is loaded: collecting garbage from it would be a tenth of the start. See pre_fork.
gc.disable()

# The worker processes write their metrics here, so that any of them can answer a scrape with the sums.
_metrics = tempfile.mkdtemp(prefix="metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _metrics
_master = os.getpid()


def _remove_metrics() -> None:
    if os.getpid() == _master:
        shutil.rmtree(_metrics, ignore_errors=True)


atexit.register(_remove_metrics)


def pre_fork(server: Any, worker: Any) -> None:
    gc.enable()
    # A cleanup of /tmp may have removed the folder, without which a worker fails on every request.
    with suppress(OSError):  # an error here would end gunicorn
        Path(_metrics).mkdir(mode=0o700, exist_ok=True)


def post_fork(server: Any, worker: Any) -> None:
    # Exempts the loaded code from garbage collection, which would delay a request by 30 ms now and then.
    gc.freeze()
    from service import logs

    logs.write_in_thread()


def post_worker_init(worker: Any) -> None:
    from resilience.breakers import all_breakers

    all_breakers()  # created now, so that the metrics show them before the first call
    from service import all_workers

    all_workers.start()


def child_exit(server: Any, worker: Any) -> None:
    from service import dead_workers

    try:
        dead_workers.merge(worker.pid, server.WORKERS.keys())
    except Exception:  # an error here would end gunicorn with all workers
        server.log.exception("cannot merge the metrics of worker %s", worker.pid)
