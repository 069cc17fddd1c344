"""Spark in local mode finds the same neighbours as the local engine, for 53 thousand reviews."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.services import ENVIRONMENT, ROOT, Postgres, manage

JDBC = Path("/usr/share/java/postgresql.jar")  # Debian's libpostgresql-jdbc-java
LOCAL = "--conf spark.ui.enabled=false --conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.host=127.0.0.1"
LOCAL = f"{LOCAL} --conf spark.sql.shuffle.partitions=4"  # few tasks for so few reviews
# Compiling the code well costs more than so short a run wins by it.
LOCAL = f"{LOCAL} --driver-java-options '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'"
# In blocks of a thousand products, as if there were too many for one.
IN_BLOCKS = """
import sys, django
django.setup()
from django.core.management import call_command
from recommendations.engines import spark
spark.BLOCK = 1000
call_command("build_recommendations", "--engine=spark", *sys.argv[1:])
"""
ACTIVE = "(SELECT id FROM recommendations_build WHERE is_active)"

Each = dict[int, tuple[float, ...]]  # the score, the part of it from reviews, and the trend, by product

pytestmark = pytest.mark.skipif(not shutil.which("java"), reason="Spark needs Java 17, and there is no java here")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    try:
        manage("migrate", "--verbosity=0", DATABASE_URL=server.url)
        manage("seed_demo", "--products=2400", "--reviewers=5400", DATABASE_URL=server.url)
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def local(postgres: Postgres) -> tuple[dict[int, Each], list[tuple[object, ...]]]:
    """The results of the local engine."""
    assert postgres.ask("SELECT count(*) > 50000 FROM catalog_review") == [(True,)]
    manage("build_recommendations", DATABASE_URL=postgres.url)
    return neighbours(postgres), popular(postgres)


def run(*command: str, options: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    env = ENVIRONMENT | {"PYSPARK_SUBMIT_ARGS": f"{LOCAL} {options} pyspark-shell"} | env
    return subprocess.run([sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True)


def neighbours(postgres: Postgres) -> dict[int, Each]:
    found = {}
    for product, text in postgres.ask(
        f"SELECT product, others FROM recommendations_neighbours WHERE build_id = {ACTIVE}"
    ):
        others = json.loads(text)
        values = zip(others["scores"], others["from_reviews"], others["trends"], strict=True)
        found[product] = dict(zip(others["products"], values, strict=True))
    return found


def popular(postgres: Postgres) -> list[tuple[object, ...]]:
    columns = "category, place, product, round(score::numeric, 3)"
    return postgres.ask(f"SELECT {columns} FROM recommendations_popular WHERE build_id = {ACTIVE} ORDER BY 1, 2")


def assert_near(found: tuple[float, ...], expected: tuple[float, ...]) -> None:
    """As pytest.approx, which needs eight seconds for all of them."""
    for value, other in zip(found, expected, strict=True):
        assert abs(value - other) <= max(abs(other) * 1e-3, 1e-6)


def assert_alike(found: dict[int, Each], expected: dict[int, Each]) -> None:
    assert found.keys() == expected.keys()
    missing = 0
    for product, others in expected.items():
        assert len(found[product]) == len(others)
        for other in others.keys() & found[product].keys():
            assert_near(found[product][other], others[other])
        missing += len(others.keys() - found[product].keys())
    # The engines may choose different candidates for the last place if scores are equal.
    assert missing <= sum(map(len, expected.values())) / 10_000


def test_the_results_over_jdbc_are_the_same(
    postgres: Postgres, local: tuple[dict[int, Each], list[tuple[object, ...]]]
) -> None:
    if not JDBC.exists() and not os.environ.get("CI"):
        pytest.skip(f"there is no JDBC driver of PostgreSQL: {JDBC}")
    settings = {"DATABASE_URL": postgres.url, "DJANGO_SETTINGS_MODULE": "recommender_site.settings"}
    done = run("-c", IN_BLOCKS, options=f"--driver-class-path {JDBC}", **settings)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Build 2: 2400 products, ")
    assert_alike(neighbours(postgres), local[0])
    assert popular(postgres) == local[1]


def test_the_results_from_parquet_are_the_same(
    postgres: Postgres, local: tuple[dict[int, Each], list[tuple[object, ...]]], tmp_path: Path
) -> None:
    manage("export_catalogue", str(tmp_path), DATABASE_URL=postgres.url)
    words = ("manage_recommender.py", "build_recommendations", "--engine=spark", f"--parquet={tmp_path}")
    done = run(*words, DATABASE_URL=postgres.url)
    assert done.returncode == 0, done.stderr
    assert_alike(neighbours(postgres), local[0])
    assert popular(postgres) == local[1]
    # Its source equals that of the database.
    assert "No product or review is new" in manage("build_recommendations", "--if-changed", DATABASE_URL=postgres.url)


@pytest.mark.parametrize(
    ("database", "options", "said"),
    [
        ("sqlite", "", "Spark reads PostgreSQL or, with --parquet, an export; this database is neither"),
        ("postgres", "", "Spark has no JDBC driver for PostgreSQL: add one with spark.jars or spark.jars.packages"),
        (
            "postgres",
            "--master nonsense",
            "Spark could not be started, see its output above; it needs Java 17 or newer",
        ),
    ],
)
def test_an_unusable_configuration_is_one_line(
    postgres: Postgres, tmp_path: Path, database: str, options: str, said: str
) -> None:
    url = postgres.url if database == "postgres" else f"sqlite:///{tmp_path}/shop.sqlite3"
    if database == "sqlite":
        manage("migrate", "--verbosity=0", DATABASE_URL=url)
    done = run("manage_recommender.py", "build_recommendations", "--engine=spark", options=options, DATABASE_URL=url)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("CommandError")]
    assert line.startswith(f"CommandError: {said}")
    assert "Traceback" not in done.stderr
