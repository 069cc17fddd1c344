"""`make bench-import`: rows per second of `seed_reviews`, compared with a bare load of the same rows in the same run.

The bare load is psql's COPY into a table with the same columns, checks and indexes, without foreign keys and triggers.
In SQLite it is executemany in one transaction into such a table. Peak memory is that of the import process, for a tenth
of the rows and for all of them. Usage: python -m benchmarks.import_reviews [ROWS]
"""

import csv
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import postgres_server

HERE = Path(__file__).resolve().parent
PRODUCTS = 20_000
REVIEWERS = 150_000
COLUMNS = ["reviewerID", "asin", "reviewerName", "helpful", "reviewText", "overall", "summary", "unixReviewTime"]
STORED = "reviewer_id,asin,reviewer_name,helpful_votes,total_votes,review_text,overall,summary,unix_review_time"


def generate(rows: int, file: Path, bare: Path) -> None:
    """Write the same reviews in the format of the seed command and of the table. Popularity follows a power law."""
    rng = random.Random(1)
    weights = [1 / (rank + 10) for rank in range(PRODUCTS)]
    words = [
        "good",
        "bad",
        "paper",
        "ink",
        "desk",
        "strong",
        "weak",
        "price",
        "again",
        "works",
        "never",
        "always",
        "color",
        "jam",
        "quiet",
        "loud",
    ]
    seen: set[tuple[int, int]] = set()
    with file.open("w", newline="") as out, bare.open("w", newline="") as bare_out:
        writer, bare_writer = csv.writer(out), csv.writer(bare_out)
        writer.writerow(COLUMNS)
        while len(seen) < rows:
            products = rng.choices(range(PRODUCTS), weights, k=1000)
            for product in products:
                reviewer = int(REVIEWERS * rng.random() ** 2)
                if (reviewer, product) in seen or len(seen) == rows:
                    continue
                seen.add((reviewer, product))
                text = " ".join(rng.choices(words, k=rng.randrange(10, 80)))
                helpful, total, stars = rng.randrange(3), rng.randrange(3, 6), rng.randrange(1, 6)
                when = 1_300_000_000 + rng.randrange(10**8)
                who, asin, summary = f"R{reviewer:08}", f"P{product:07}", text[:20].strip()
                writer.writerow([who, asin, "Somebody", f"[{helpful}, {total}]", text, f"{stars}.0", summary, when])
                bare_writer.writerow([who, asin, "Somebody", helpful, total, text, stars, summary, when])


def manage(url: str, *words: str) -> tuple[float, float]:
    """The duration of the command in seconds, and its peak memory in MB."""
    env = os.environ | {"DATABASE_URL": url, "SECRET_KEY": "benchmark" * 5}
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "manage_recommender.py", *words], cwd=HERE.parent, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{words[0]} failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def psql(url: str, statement: str) -> float:
    started = time.perf_counter()
    subprocess.run(
        [postgres_server.PROGRAMS / "psql", "--quiet", "--set=ON_ERROR_STOP=1", "--command", statement, url], check=True
    )
    return time.perf_counter() - started


def on_postgresql(folder: Path, rows: int) -> dict[str, float]:
    url = postgres_server.start()
    manage(url, "migrate", "--verbosity=0")
    manage(url, "seed_products", str(folder / "products.csv"))
    _, small = manage(url, "seed_reviews", str(folder / "part.csv"))
    psql(url, "TRUNCATE catalog_review CASCADE")
    psql(url, "UPDATE catalog_product SET review_count = 0, rating_total = 0")
    psql(url, "VACUUM FULL ANALYZE catalog_product")
    ours, large = manage(url, "seed_reviews", str(folder / "reviews.csv"))
    psql(url, "CREATE TABLE bare (LIKE catalog_review INCLUDING ALL)")
    bare = psql(url, f"\\copy bare ({STORED}) FROM '{folder / 'bare.csv'}' CSV")
    return {"ours": rows / ours, "bare": rows / bare, "small_mb": small, "large_mb": large}


def on_sqlite(folder: Path, rows: int) -> dict[str, float]:
    database = folder / "ours.sqlite3"
    url = f"sqlite:///{database}"
    manage(url, "migrate", "--verbosity=0")
    manage(url, "seed_products", str(folder / "products.csv"))
    ours, large = manage(url, "seed_reviews", str(folder / "reviews.csv"))
    small_url = f"sqlite:///{folder / 'small.sqlite3'}"
    manage(small_url, "migrate", "--verbosity=0")
    manage(small_url, "seed_products", str(folder / "products.csv"))
    _, small = manage(small_url, "seed_reviews", str(folder / "part.csv"))
    with sqlite3.connect(database) as connection:
        schema = connection.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = 'catalog_review' AND type <> 'trigger'"
        )
        statements = [sql for (sql,) in schema if sql]
    with (folder / "bare.csv").open(newline="") as file:
        prepared = [tuple(row) for row in csv.reader(file)]
    bare_database = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)
    bare_database.execute("PRAGMA journal_mode=WAL")
    bare_database.execute("PRAGMA synchronous=NORMAL")
    for statement in statements:
        bare_database.execute(statement)
    started = time.perf_counter()
    bare_database.execute("BEGIN")
    bare_database.executemany(f"INSERT INTO catalog_review ({STORED}) VALUES (?,?,?,?,?,?,?,?,?)", prepared)
    bare_database.execute("COMMIT")
    bare = time.perf_counter() - started
    return {"ours": rows / ours, "bare": rows / bare, "small_mb": small, "large_mb": large}


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="bench-import-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server may run as another user
        generate(rows, folder / "reviews.csv", folder / "bare.csv")
        with (folder / "reviews.csv").open() as file, (folder / "part.csv").open("w") as part:
            part.writelines(line for line, _ in zip(file, range(rows // 10 + 1), strict=False))
        with (folder / "products.csv").open("w") as file:
            file.write("asin,title\n")
            file.writelines(f"P{number:07},Product {number}\n" for number in range(PRODUCTS))
        results = {"rows": rows, "PostgreSQL": on_postgresql(folder, rows), "SQLite": on_sqlite(folder, rows)}
    print(f"\n{rows:,} reviews    seed_reviews   bare limit   of the limit   peak memory, a tenth / all of the rows")
    for name in ("PostgreSQL", "SQLite"):
        figures = results[name]
        assert isinstance(figures, dict)
        print(
            f"{name:<16} {figures['ours']:>9,.0f}/s  {figures['bare']:>9,.0f}/s"
            f"  {figures['ours'] / figures['bare']:>11.2f}   {figures['small_mb']:.0f} / {figures['large_mb']:.0f} MB"
        )
    out = HERE / "results" / "import.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
