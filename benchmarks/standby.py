"""`make bench-standby`: time, memory and file size of refresh_standby, and reads that the file answers.

A million generated reviews of 300 to 700 characters on PostgreSQL, of 50,000 products by 100,000 reviewers, and a build
of the recommendations. Then PostgreSQL is killed, and a process that has just started is asked for what nobody
has asked before.
Usage: python -m benchmarks.standby [REVIEWS]
"""

import json
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.fault_table import percentile
from tests.e2e.services import ENVIRONMENT, ROOT, Postgres, Service, manage

RESULTS = Path(__file__).resolve().parent / "results" / "standby.json"
READS = 100  # of each kind
# Without triggers, and with the indexes that a refresh reads: to fill the others takes most of an hour.
FILL = """
SET session_replication_role = replica;
SELECT setseed(0.5);
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT indexname FROM pg_indexes WHERE tablename = 'catalog_review' AND indexname NOT IN (
        'review_of_product_by_time', (SELECT conname FROM pg_constraint WHERE contype = 'p'
        AND conrelid = 'catalog_review'::regclass), 'review_once_per_product'
    ) LOOP EXECUTE 'DROP INDEX ' || quote_ident(name); END LOOP;
END $$;
INSERT INTO catalog_product (
    asin, title, description, im_url, related, sales_rank, categories, leaf_category, brand, review_count, rating_total
) SELECT 'P' || n, 'Product ' || n || ' of kind ' || n % 300, repeat('It does what it says. ', 20), '', '{{}}', '{{}}',
    jsonb_build_array('Office', 'Kind ' || n % 300), 'Kind ' || n % 300, 'Brand ' || n % 500, 0, 0
FROM generate_series(0, {products} - 1) AS n;
INSERT INTO catalog_review (
    reviewer_id, asin, reviewer_name, helpful_votes, total_votes, review_text, overall, summary, unix_review_time
) SELECT 'R' || n / 10, 'P' || floor({products} * power(random(), 3))::int, 'Reviewer ' || n / 10, n % 7, n % 7,
    repeat('Good, and not dear at all. ', 11 + n % 15), 1 + n % 5, 'Summary ' || n, 1000000000 + n * 13 % 400000000
FROM generate_series(0, {reviews} - 1) AS n ON CONFLICT DO NOTHING;
UPDATE catalog_product SET review_count = found.reviews, rating_total = found.stars
FROM (SELECT asin, count(*) AS reviews, sum(overall) AS stars FROM catalog_review GROUP BY asin) AS found
WHERE catalog_product.asin = found.asin;
"""


def refresh(env: dict[str, str], file: Path) -> dict[str, float]:
    started = time.perf_counter()
    command = [sys.executable, "manage_recommender.py", "refresh_standby", "--verbosity=2"]
    process = psutil.Popen(command, cwd=ROOT, env=ENVIRONMENT | env)
    peak = 0
    while process.poll() is None:
        with suppress(psutil.Error):
            peak = max(peak, process.memory_info().rss)
        time.sleep(0.2)
    assert process.returncode == 0
    seconds = time.perf_counter() - started
    return {"refresh_s": round(seconds), "peak_mb": round(peak / 1e6), "file_mb": round(file.stat().st_size / 1e6)}


def ask(env: dict[str, str], products: int) -> dict[str, float]:
    rng = random.Random(1)
    results: dict[str, float] = {}
    with Service("recommender_site", **env) as shop:
        for name, path in {
            "product": "/products/P{}",
            "reviews": "/products/P{}/reviews?sort=helpful",
            "recommendations": "/products/P{}/recommendations",
            "search": "/products?q=product+{}",
            "facets": "/products/facets?brand=Brand+{}",
        }.items():
            numbers = [
                int(products * rng.random() ** 3) % (500 if name == "facets" else products) for _ in range(READS)
            ]
            taken, sources = list[float](), Counter[str]()
            for number in numbers:
                started = time.perf_counter()
                answer = shop.get(path.format(number))
                taken.append((time.perf_counter() - started) * 1000)
                sources[answer.headers["X-Data-Source"] if answer.ok else "error"] += 1
            shares = {f"{name}_{source}": number / READS for source, number in sources.items()}
            results |= {
                f"{name}_p50_ms": round(percentile(taken, 0.5), 1),
                f"{name}_p99_ms": round(percentile(taken, 0.99), 1),
            } | shares
    return results


def main() -> None:
    reviews = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    products = reviews // 20
    server = Postgres()
    try:
        with tempfile.TemporaryDirectory() as folder:
            env = {"DATABASE_URL": server.url, "STANDBY_URL": f"sqlite:///{folder}/standby.sqlite3"}
            manage("migrate", "--verbosity=0", **env)
            server.ask(FILL.format(products=products, reviews=reviews))
            server.ask("ANALYZE")
            print(manage("build_recommendations", **env), end="", flush=True)
            results = {"reviews": reviews} | refresh(env, Path(folder) / "standby.sqlite3")
            server.kill()
            results |= ask(env, products)
    finally:
        server.remove()
    print(json.dumps(results, indent=2))
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
