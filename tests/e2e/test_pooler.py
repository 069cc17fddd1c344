"""pgbouncer in transaction mode, which shares sessions between clients."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from resilience import database
from tests.e2e.conftest import Busy, assert_nobody_was_failed
from tests.e2e.load import of_catalog
from tests.e2e.services import RESET, Postgres, Service, eventually, manage
from tests.pgbouncer import pgbouncer

POOL = 4


@pytest.fixture(scope="module")
def pool(postgres: Postgres) -> Iterator[str]:
    with pgbouncer(postgres, POOL) as url:
        yield url


@pytest.fixture(scope="module")
def ad_provider(pool: str) -> Iterator[Service]:
    with Service("ad_provider_site", DATABASE_URL=pool, DB_POOLER="transaction") as service:
        yield service


@pytest.fixture(scope="module")
def recommender(pool: str, ad_provider: Service) -> Iterator[Service]:
    settings = {"DATABASE_URL": pool, "AD_PROVIDER_URL": ad_provider.url}
    with Service("recommender_site", **settings, DB_POOLER="transaction") as service:
        yield service


def limits(pool: str) -> set[str]:
    """The timeouts of other sessions of the pool, queried in parallel."""
    found: set[str] = set()

    def ask() -> None:
        with closing(psycopg2.connect(pool)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.2)")  # so that each gets its own server session
            cursor.execute("SELECT current_setting('statement_timeout') || ' ' || current_setting('lock_timeout')")
            found.update(cursor.fetchone() or ())

    threads = [threading.Thread(target=ask) for _ in range(POOL)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_everything_is_live_and_no_limit_reaches_other_sessions(
    busy: Busy, postgres: Postgres, recommender: Service, pool: str
) -> None:
    with busy("pooled") as work, closing(psycopg2.connect(pool)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(4)")  # longer than DB_DEADLINE, like a rollup
    assert_nobody_was_failed(work, postgres)
    assert [each for each in work.samples if each.source not in ("", "live")] == []
    assert {each.status for each in work.writes()} == {201}
    assert limits(pool) == {"0 0"}


def test_commands_work_through_the_pool(postgres: Postgres, pool: str) -> None:
    settings = {"DATABASE_URL": pool, "DB_POOLER": "transaction"}
    manage("build_recommendations", **settings)
    manage("rollup", "--older-than=2", project="ad_provider", **settings)
    assert not postgres.ask("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")


def test_sessions_ended_behind_the_pool_cost_no_answer(busy: Busy, postgres: Postgres, recommender: Service) -> None:
    with busy("pooled-ended") as work:
        for _ in range(database.MAX_ATTEMPTS - 1):  # on a slow machine one call may meet each of them
            postgres.end_connections()
            time.sleep(0.5)
    assert_nobody_was_failed(work, postgres)
    assert {each.source for each in of_catalog(work.reads())} == {"live"}
    assert recommender.state("database") == "closed"


def test_a_database_killed_behind_the_pool_costs_no_answer(
    busy: Busy, postgres: Postgres, recommender: Service
) -> None:
    with busy("pooled-killed") as work:
        postgres.kill()
        killed = work.now
        time.sleep(6)
        postgres.start()
        back = work.now
        eventually(lambda: recommender.get("/products").headers["X-Data-Source"] == "live", 10 * RESET)
        recovered = work.now
        time.sleep(1)
    assert_nobody_was_failed(work, postgres)
    assert {each.source for each in of_catalog(work.reads(killed + 3, back))} == {"stale"}
    assert {each.source for each in of_catalog(work.reads(recovered + 0.5))} == {"live"}
