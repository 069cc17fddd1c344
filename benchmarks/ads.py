"""`make bench-ads`: the time of an auction, and the clicks charged per second.

PostgreSQL with 2,000 campaigns, 20,000 sponsored products and 100,000 targets. The auction runs alone, on a snapshot in
memory, and within `POST /ads`, one request at a time. Clicks come from 8 threads of one process. Each has an address of
its own and its impression in the ledger. They go to one campaign first and to 200 campaigns then. For comparison 8
threads increment one row, or one of 200 rows, and commit, which is the least that such a counter takes.
"""

import http.client
import json
import os
import random
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import django

from benchmarks.fault_table import percentile
from tests.e2e.services import ENVIRONMENT, Postgres, Service, eventually, manage

RESULTS = Path(__file__).resolve().parent / "results" / "ads.json"
CAMPAIGNS, ADS, TARGETS = 2_000, 20_000, 100_000
CATEGORIES = 300
CHOICES, THREADS, SECONDS = 5_000, 8, 5.0
HTTP_SECONDS = 65.0  # long enough for two reloads of all ads

GENERATE = f"""
    INSERT INTO catalog_product (asin, title, description, im_url, related, sales_rank, categories, leaf_category,
                                 brand, review_count, rating_total)
    SELECT 'P' || n, 'Product ' || n, repeat('Words about it. ', 20), '', '{{}}', '{{}}',
           jsonb_build_array('Office', 'Kind ' || n % {CATEGORIES}), 'Kind ' || n % {CATEGORIES}, '', 0, 0
    FROM generate_series(0, {ADS} - 1) AS n;
    INSERT INTO campaigns_advertiser (name) SELECT 'Advertiser ' || n FROM generate_series(1, 200) AS n;
    INSERT INTO campaigns_campaign (advertiser_id, name, status, starts, daily_budget, total_budget, pacing, spent)
    SELECT 1 + n % 200, 'Campaign ' || n, 'active', '2020-01-01Z', 1e15, 1e15, 'asap', 0
    FROM generate_series(1, {CAMPAIGNS}) AS n;
    INSERT INTO campaigns_sponsoredproduct (campaign_id, asin, impressions, clicks)
    SELECT 1 + n / {ADS // CAMPAIGNS}, 'P' || n, n * 7919 % 5000, n * 7919 % 5000 * (n % 7) / 200
    FROM generate_series(0, {ADS} - 1) AS n;
    INSERT INTO campaigns_target (ad_id, kind, value, bid, negative)
    SELECT DISTINCT ON (ad, kind, value) ad, kind, value, 50000 + n::bigint * 104729 % 950000, false
    FROM (SELECT n, 1 + n % {ADS} AS ad, (ARRAY['category', 'keyword', 'product'])[1 + n / {ADS} % 3] AS kind,
                 CASE n / {ADS} % 3 WHEN 0 THEN 'Kind ' || (n % {ADS} + n / {ADS} * 7) % {CATEGORIES}
                 WHEN 1 THEN 'word ' || n * 31 % 2000 ELSE 'P' || n * 37 % {ADS} END AS value
          FROM generate_series(0, {TARGETS} - 1) AS n) AS made;
    ANALYZE;
"""

MAX_CLICKS = 150_000  # per measurement
# The impression of each click, a minute ago.
ADD_IMPRESSIONS = f"""
    INSERT INTO campaigns_event (decision, ad_id, campaign_id, kind, at, day, position, placement, price)
    SELECT %(run)s || '-' || n, 1 + n %% %(campaigns)s * {ADS // CAMPAIGNS}, 1 + n %% %(campaigns)s, 'impression',
           now() - interval '1 minute', (now() AT TIME ZONE 'UTC')::date, 1, '', 0
    FROM generate_series(0, %(most)s - 1) AS n;
    ANALYZE campaigns_event;
    CHECKPOINT
"""


def contexts(rng: random.Random) -> dict[str, Any]:
    """The context of a product page, sometimes after a search."""
    words = [f"word {rng.randrange(2000)}"] if rng.random() < 0.3 else []
    return {"asin": f"P{rng.randrange(ADS)}", "keywords": words, "limit": 10}


def choice_alone() -> dict[str, float]:
    """Milliseconds per auction, and the seconds to read the snapshot."""
    from django.utils import timezone

    from campaigns import snapshot
    from campaigns.choice import Context, run_auction

    started = time.perf_counter()
    now = timezone.now()
    known = snapshot.read()
    figures = {"snapshot_s": time.perf_counter() - started}
    rng, times = random.Random(1), []
    for _ in range(CHOICES):
        asked = contexts(rng)
        own = ["Office", f"Kind {int(asked['asin'][1:]) % CATEGORIES}"]
        started = time.perf_counter()
        context = Context(now, asked["asin"], own, (), known.keywords.matching(asked["keywords"]))
        winners, _ = run_auction(known, context, asked["limit"])
        times.append((time.perf_counter() - started) * 1000)
        assert len(winners) == asked["limit"]
    return figures | {"choice_p50_ms": statistics.median(times), "choice_p99_ms": percentile(times, 0.99)}


def over_http(postgres: Postgres) -> dict[str, float]:
    """Milliseconds per request, one request at a time."""
    rng, times = random.Random(1), []
    with Service("ad_provider_site", DATABASE_URL=postgres.url) as service:
        eventually(lambda: service.post("/ads", json={"asin": "P1", "limit": 1}).json()[0]["sponsored"])
        connection = http.client.HTTPConnection("127.0.0.1", service.port)
        end = time.perf_counter() + HTTP_SECONDS
        while time.perf_counter() < end:
            body = json.dumps(contexts(rng))
            started = time.perf_counter()
            connection.request("POST", "/ads", body, {"Content-Type": "application/json"})
            ads = json.loads(connection.getresponse().read())
            times.append((time.perf_counter() - started) * 1000)
            assert all(ad["sponsored"] for ad in ads)
        connection.close()
    return {
        "http_p50_ms": statistics.median(times),
        "http_p99_ms": percentile(times, 0.99),
        "http_max_ms": max(times),
    }


def rate(act: Callable[[int], object]) -> float:
    """Calls of ``act`` per second by THREADS threads together. Each call gets a different number."""
    from django.db import connection

    def work(thread: int) -> int:
        count = 0
        try:
            act(thread)  # opens the connection
            begin.wait(30)
            while time.perf_counter() < end[0]:
                count += 1
                act(thread + count * THREADS)
            return count
        finally:
            connection.close()

    end = [0.0]
    begin = threading.Barrier(THREADS, lambda: end.__setitem__(0, time.perf_counter() + SECONDS))
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(work, range(THREADS))) / SECONDS


def clicks() -> dict[str, float]:
    """Clicks per second, and increments of a bare counter per second."""
    from django.db import connection
    from django.utils import timezone

    from campaigns.charging import charge
    from campaigns.decisions import Decision
    from campaigns.models import Kind

    run = [0]

    def click(number: int, campaigns: int) -> None:
        campaign = 1 + number % campaigns
        ad = 1 + (campaign - 1) * (ADS // CAMPAIGNS)
        decision = Decision(f"{run[0]}-{number}", ad, campaign, f"P{ad}", 1, 50_000, "", "")
        assert charge(Kind.CLICK, decision, timezone.now(), f"address {number}") is None

    def add(number: int, rows: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE counter SET n = n + 1 WHERE id = %s", [number % rows])

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE counter AS SELECT n AS id, 0 AS n FROM generate_series(0, 199) AS n")
        cursor.execute("CREATE UNIQUE INDEX ON counter (id)")
    figures = {}
    for name, width in (("hot", 1), ("spread", 200)):
        run[0] += 1
        with connection.cursor() as cursor:
            cursor.execute(ADD_IMPRESSIONS, {"run": run[0], "most": MAX_CLICKS, "campaigns": width})
        figures[f"{name}_clicks_per_s"] = rate(partial(click, campaigns=width))
        figures[f"{name}_bare_per_s"] = rate(partial(add, rows=width))
    return figures


def main() -> None:
    postgres = Postgres(fsync=True)  # commits are measured
    try:
        os.environ |= ENVIRONMENT | {
            "DATABASE_URL": postgres.url,
            "DJANGO_SETTINGS_MODULE": "ad_provider_site.settings",
        }
        manage("migrate", "--verbosity=0", project="ad_provider", DATABASE_URL=postgres.url)
        postgres.ask(GENERATE)
        django.setup()
        figures = choice_alone() | over_http(postgres) | clicks()
    finally:
        postgres.remove()
    rounded = {name: round(figure, 2) for name, figure in figures.items()}
    print(*(f"  {name:22} {figure:10,.2f}" for name, figure in rounded.items()), sep="\n")
    RESULTS.write_text(json.dumps(rounded, indent=2) + "\n")


if __name__ == "__main__":
    main()
