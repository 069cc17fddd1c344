"""`make bench-search`: milliseconds of a search and of its facets, in a process that does nothing else.

A million generated products on PostgreSQL and 100,000 on SQLite. Their titles have five words of 5,000, a few of which
are frequent. The words differ in each round.
Usage: python -m benchmarks.search [postgresql|sqlite PRODUCTS]
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.fault_table import percentile
from tests import postgres_server

RESULTS = Path(__file__).resolve().parent / "results" / "search.json"
SIZES = {"postgresql": 1_000_000, "sqlite": 100_000}
GOALS = {"two words": 50, "two words, facets": 150}  # ms, the 95th percentile
WORDS, BRANDS, CATEGORIES, ROUNDS = 5_000, 500, 300, 200
rng = random.Random(1)


def word() -> str:
    """A word of letters. Word n is about n^(2/3) times rarer than the first."""
    number = int(WORDS * rng.random() ** 3)
    return "b" + "".join("aeioukmnst"[int(digit)] for digit in f"{number:04}") + "x"


def products(count: int) -> Iterator[Any]:
    from catalog.models import Product

    for number in range(count):
        leaf = f"Kind {number * 7 % CATEGORIES}"
        yield Product(
            asin=f"P{number}",
            title=" ".join(word() for _ in range(5)),
            brand=f"Brand {rng.randrange(BRANDS)}",
            categories=["Office", f"Part {number % 20}", leaf],
            leaf_category=leaf,
            price=round(rng.lognormvariate(3, 1), 2),
            review_count=int(rng.paretovariate(1)) - 1,
        )


def requests() -> dict[str, str]:
    words = f"q={word()}+{word()}"
    return {
        "two words": f"/products?{words}&limit=20",
        "two words, facets": f"/products/facets?{words}",
        "one frequent word": "/products?q=baaaax&limit=20",
        "one frequent word, facets": "/products/facets?q=baaaax",
        "a category by price": f"/products?category=Kind+{rng.randrange(CATEGORIES)}&sort=price&limit=20",
        "a category, facets": f"/products/facets?category=Part+{rng.randrange(20)}",
        "all by reviews": f"/products?sort=popular&limit=20&after={rng.randrange(100)},{rng.randrange(10**6)}",
        "all, facets": "/products/facets",
    }


def fill(vendor: str, count: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    from catalog.models import Product

    call_command("migrate", verbosity=0)
    Product.objects.bulk_create(products(count), batch_size=5_000 if vendor == "postgresql" else 500)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_product SET rating_total = 4 * review_count")
        cursor.execute("VACUUM ANALYZE" if vendor == "postgresql" else "ANALYZE")


def measure() -> dict[str, dict[str, float]]:
    """The p50 and p95 of each kind of request, in milliseconds."""
    from django.test import Client

    client, taken = Client(SERVER_NAME="localhost"), defaultdict[str, list[float]](list)
    for _ in range(ROUNDS):
        for name, url in requests().items():
            started = time.perf_counter()
            response = client.get(url)
            taken[name].append((time.perf_counter() - started) * 1000)
            assert (response.status_code, response["X-Data-Source"]) == (200, "live"), url
    return {name: {f"p{at}": percentile(times, at / 100) for at in (50, 95)} for name, times in taken.items()}


def main() -> None:
    if len(sys.argv) == 3:
        import django

        django.setup()
        fill(sys.argv[1], int(sys.argv[2]))
        print(json.dumps(measure()))
        return
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        urls = {"postgresql": postgres_server.start(), "sqlite": f"sqlite:///{folder}/shop.sqlite3"}
        for vendor, count in SIZES.items():
            env = os.environ | {
                "DATABASE_URL": urls[vendor],
                "SECRET_KEY": "benchmark" * 5,
                "DJANGO_SETTINGS_MODULE": "recommender_site.settings",
                "DB_DEADLINE": "600",  # for the rows; no request comes near it
            }
            command = [sys.executable, "-m", "benchmarks.search", vendor, str(count)]
            told = subprocess.run(command, check=True, env=env, stdout=subprocess.PIPE, text=True).stdout
            results[vendor] = json.loads(told)
            print(f"{vendor}, {count:,} products: p50, p95 and the goal for it")
            for name, figures in results[vendor].items():
                print(f"{name:<28}{figures['p50']:>8.1f}{figures['p95']:>8.1f} ms{GOALS.get(name, ''):>8}")
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
