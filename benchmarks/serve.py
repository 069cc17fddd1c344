"""`make bench-serve`: requests per second and latency of the reads, compared with a bare Django view.

PostgreSQL, gunicorn with one worker and 8 threads for each service and for the bare view, nginx as the edge, and 8
connections of wrk on the same machine. Rounds alternate between all targets, so that a noisy minute affects them alike.
Results are medians.
"""

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from benchmarks.serve_picture import draw
from tests import postgres_server
from tests.edge import Edge

HERE = Path(__file__).resolve().parent
ROUNDS, SECONDS, CONNECTIONS = 5, 3, 8
TIMES = {"us": 0.001, "ms": 1.0, "s": 1000.0}
# The settings of gunicorn.conf.py that do not depend on this project.
BARE_GUNICORN = ("--config=/dev/null", "--worker-class=gthread", "--threads=8", "--keep-alive=30")
ONE_VISITOR = "page for one visitor"  # one connection; its p99 is to be below 40 ms
GOALS = {"product": 1.9, "100 products": 3.5, "its reviews": 3.0, "10 ads": 4.0, "products like it": 3.0}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def serve(stack: ExitStack, application: str, port: int, env: dict[str, str], *more: str) -> None:
    command = [sys.executable, "-m", "gunicorn", "--log-level=error", f"--bind=127.0.0.1:{port}", *more, application]
    process = subprocess.Popen(command, cwd=HERE.parent, env=os.environ | env)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"{application} did not start")


def measure(url: str, seconds: int, connections: int = CONNECTIONS) -> dict[str, float]:
    """Requests per second, p50 and p99 in ms."""
    command = ["wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds}s", url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in told:
        sys.exit(f"{url}: {told}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    latency = {at: re.search(rf"{at}%\s+([\d.]+)(us|ms|s)\b", told) for at in (50, 99)}
    if not rate or not all(latency.values()):
        sys.exit(f"{url}: {told}")
    times = {f"p{at}": float(found[1]) * TIMES[found[2]] for at, found in latency.items() if found}
    return {"rate": float(rate[1]), **times}


def main() -> None:
    if not shutil.which("wrk"):
        sys.exit("this benchmark needs wrk (apt-get install wrk)")
    url = postgres_server.start()
    ads, shop, bare = free_port(), free_port(), free_port()
    env = {"DATABASE_URL": url, "SECRET_KEY": "benchmark" * 5, "AD_PROVIDER_URL": f"http://127.0.0.1:{ads}"}
    for project, *words in (
        ["recommender", "migrate", "-v0"],
        ["ad_provider", "migrate", "-v0"],
        ["recommender", "seed_demo"],
        ["recommender", "build_recommendations"],
    ):
        command = [sys.executable, f"manage_{project}.py", *words]
        subprocess.run(command, cwd=HERE.parent, env=os.environ | env, check=True)
    with ExitStack() as stack:
        serve(stack, "ad_provider_site.wsgi", ads, env)
        serve(stack, "recommender_site.wsgi", shop, env)
        serve(stack, "benchmarks.bare_site", bare, env, *BARE_GUNICORN)
        edge = stack.enter_context(Edge([shop], ads))
        here = f"http://127.0.0.1:{shop}"
        asin = json.load(urllib.request.urlopen(f"{here}/products?skip=600&limit=1"))[0]["asin"]
        targets = {
            "bare view": f"http://127.0.0.1:{bare}/constant",
            "product": f"{here}/products/{asin}",
            "100 products": f"{here}/products",
            "its reviews": f"{here}/reviews?asin={asin}",
            "10 ads": f"{here}/ads?asin={asin}",
            "products like it": f"{here}/products/{asin}/recommendations",
            "product's page": f"{here}/item/{asin}",
            ONE_VISITOR: f"{here}/item/{asin}",
            "product, edge": f"{edge.url}/products/{asin}",
            "100 products, edge": f"{edge.url}/products",
        }
        for target in targets.values():
            measure(target, 1)
        clients = {ONE_VISITOR: 1}
        rounds = [
            {name: measure(target, SECONDS, clients.get(name, CONNECTIONS)) for name, target in targets.items()}
            for _ in range(ROUNDS)
        ]
    results: dict[str, dict[str, float]] = {}
    for name in targets:
        figures = {key: statistics.median(each[name][key] for each in rounds) for key in ("rate", "p50", "p99")}
        ratio = statistics.median(each["bare view"]["rate"] / each[name]["rate"] for each in rounds)
        results[name] = {**figures, "times_bare": ratio}
    print(f"\n{'':<20}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'times the bare view':>22}{'goal':>8}")
    for name, figures in results.items():
        print(
            f"{name:<20}{figures['rate']:>12,.0f}{figures['p50']:>10.2f}{figures['p99']:>10.2f}"
            f"{figures['times_bare']:>22.2f}{GOALS.get(name, ''):>8}"
        )
    out = HERE / "results" / "serve.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(results, indent=2) + "\n")
    draw(results, HERE.parent / "docs" / "performance.png")


if __name__ == "__main__":
    main()
