"""`make bench-recommendations`: the time and memory of a build, and the latency of the lists.

PostgreSQL has 53 thousand, 1.2 million and 10 million generated reviews, with a realistic distribution of popularity.
For comparison the library `implicit`, if it is installed, computes its cosine on the same matrix in the same run. It
only finds neighbours, in memory, without texts. At the middle size each kind of list is requested, one at a time.
Usage: python -m benchmarks.recommendations [--reviews 53000 1200000 10000000]
"""

import argparse
import http.client
import json
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.fault_table import percentile
from recommendations.sequences import in_order
from recommendations.similarity import find_neighbours
from recommendations.weights import Weights
from tests.e2e.services import ENVIRONMENT, ROOT, Postgres, Service, manage

RESULTS = Path(__file__).resolve().parent / "results" / "recommendations.json"
SIZES = (53_000, 1_200_000, 10_000_000)
SERVED = 1_200_000  # reviews, at which the lists are requested
REQUESTS = 500
# scikit-learn imports pandas if it is installed, as with PySpark, for sixty megabytes and no use. The process reports
# its own peak, because the figure that its parent gets includes the parent's.
COMMAND = """
import pathlib, re, runpy, sys
sys.modules["pandas"] = None
runpy.run_path("manage_recommender.py", run_name="__main__")
print(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
"""
WORDS = ("desk", "lamp", "paper", "pencil", "stapler", "chair", "board", "marker")

GENERATE = """
    SET session_replication_role = replica;  -- without the triggers, row by row
    TRUNCATE catalog_product, catalog_review, recommendations_build CASCADE;
    SELECT setseed(0.5);
    INSERT INTO catalog_product (asin, title, description, im_url, related, sales_rank, categories, leaf_category,
                                 brand, review_count, rating_total)
    SELECT 'P' || n, (ARRAY[{words}])[1 + n % 8] || ' ' || (ARRAY[{words}])[1 + n / 8 % 8] || ' ' || n % 997,
           'For the ' || (ARRAY[{words}])[1 + n / 7 % 8] || ' of type ' || n % 1009, '', '{{}}', '{{}}',
           jsonb_build_array('Office', 'Kind ' || n % 300), 'Kind ' || n % 300, '', 0, 0
    FROM generate_series(0, {products} - 1) AS n;
    INSERT INTO catalog_review (reviewer_id, asin, reviewer_name, helpful_votes, total_votes, review_text, overall,
                                summary, unix_review_time)
    SELECT 'R' || (random() * {reviewers})::int, 'P' || floor({products} * power(random(), 3))::int, '', 0, 0, '', 5,
           '', 1300000000 + n * 100000000::bigint / {reviews}
    FROM generate_series(1, {reviews}) AS n
    ON CONFLICT DO NOTHING;
    ANALYZE;
"""


def generate(postgres: Postgres, reviews: int) -> None:
    words = ", ".join(f"'{word}'" for word in WORDS)
    sizes = {"products": max(2_400, reviews // 20), "reviewers": reviews // 10, "reviews": reviews}
    postgres.ask(GENERATE.format(words=words, **sizes))


def build(url: str) -> dict[str, float]:
    """Seconds and peak MB of a build, the peak MB if there is nothing to do, and the seconds of each stage."""
    seconds, peak, said = command(url)
    stages = dict(pair.split(" ") for pair in said.rpartition("(")[2].rstrip(")").split(", "))
    _, idle, _ = command(url, "--if-changed")
    figures = {"build_s": seconds, "peak_mb": peak, "idle_mb": idle}
    return figures | {f"{name}_s": float(value) for name, value in stages.items()}


def command(url: str, *words: str) -> tuple[float, float, str]:
    """Seconds, peak memory in MB and output."""
    command = [sys.executable, "-c", COMMAND, "build_recommendations", *words]
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, env=ENVIRONMENT | {"DATABASE_URL": url}, stdout=subprocess.PIPE, text=True, check=True
    )
    seconds = time.perf_counter() - started
    said, _, kilobytes = done.stdout.rstrip().rpartition("\n")
    return seconds, int(kilobytes) / 1024, said


def neighbours_alone(postgres: Postgres) -> dict[str, float]:
    """Seconds in which this project and `implicit` find neighbours, by the same reviews only.

    `implicit` does not look at their order.
    """
    columns = "substr(reviewer_id, 2)::int, substr(asin, 2)::int, unix_review_time / 86400"
    reviewers, products, days = np.array(postgres.ask(f"SELECT {columns} FROM catalog_review"), np.int64).T
    matrix = sparse.csr_matrix((np.ones(len(reviewers), np.float32), (reviewers, products)))
    no_texts = sparse.csr_matrix((matrix.shape[1], 1), dtype=np.float32)
    started = time.perf_counter()
    for _ in find_neighbours(in_order(reviewers, products, days), no_texts, Weights(text=0)):
        pass
    figures = {"neighbours_alone_s": round(time.perf_counter() - started, 2)}
    try:
        from implicit.nearest_neighbours import CosineRecommender
    except ImportError:
        print("implicit is not installed (pip install implicit): no comparison", file=sys.stderr)
        return figures
    started = time.perf_counter()
    CosineRecommender(K=50).fit(matrix, show_progress=False)
    return figures | {"implicit_s": round(time.perf_counter() - started, 2)}


def serve(postgres: Postgres) -> dict[str, float]:
    """Milliseconds per request, one request at a time."""
    rng = random.Random(1)
    reviews = postgres.ask("SELECT asin, reviewer_id FROM catalog_review ORDER BY md5(id::text) LIMIT 500")
    figures: dict[str, float] = {}
    with Service("recommender_site", DATABASE_URL=postgres.url) as service:
        connection = http.client.HTTPConnection("127.0.0.1", service.port)
        for kind, paths in {
            "similar": [f"/products/{asin}/recommendations" for asin, _ in reviews],
            "reviewer": [f"/reviewers/{name}/recommendations" for _, name in reviews],
            "popular": ["/recommendations/popular"],
        }.items():
            times = []
            for number in range(REQUESTS + 50):
                started = time.perf_counter()
                connection.request("GET", rng.choice(paths))
                response = connection.getresponse()
                response.read()
                if response.status != 200 or response.headers["X-Data-Source"] != "live":
                    sys.exit(f"{kind}: {response.status} {response.headers['X-Data-Source']}")
                if number >= 50:  # skip the first ones, which open the connection
                    times.append((time.perf_counter() - started) * 1000)
            figures |= {f"{kind}_p50_ms": statistics.median(times), f"{kind}_p95_ms": percentile(times, 0.95)}
        connection.close()
    return {name: round(figure, 2) for name, figure in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recommendations")
    parser.add_argument("--reviews", type=int, nargs="+", default=SIZES)
    sizes = parser.parse_args().reviews
    results: dict[str, dict[str, Any]] = {}
    postgres = Postgres()
    try:
        manage("migrate", "--verbosity=0", DATABASE_URL=postgres.url)
        for reviews in sizes:
            generate(postgres, reviews)
            (kept,) = postgres.ask("SELECT count(*) FROM catalog_review")[0]
            figures = {"reviews": kept, **build(postgres.url), **neighbours_alone(postgres)}
            figures["peak_mb_per_million"] = figures["peak_mb"] / kept * 1e6
            if reviews == SERVED:
                figures |= serve(postgres)
            results[f"{reviews:,}"] = {name: round(figure, 2) for name, figure in figures.items()}
            print(
                f"{reviews:,} reviews", *(f"  {k:24} {v:12,.2f}" for k, v in results[f"{reviews:,}"].items()), sep="\n"
            )
    finally:
        postgres.remove()
    if tuple(sizes) == SIZES:  # do not replace results for all sizes by results for some
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
