"""The database is killed, stopped and restarted under the load of a busy shop."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

from resilience import database
from tests.e2e.conftest import WARM, Busy, assert_nobody_was_failed
from tests.e2e.load import Load, median, of_catalog
from tests.e2e.services import RESET, Postgres, Service, eventually

DEADLINE = 2.0  # DB_DEADLINE's default


def assert_it_was_bridged(work: Load, fault: float, end: float, back: float) -> None:
    """From ``fault`` to ``end`` the database was down; at ``back`` it was up. In seconds since the load began."""
    assert [each for each in of_catalog(work.reads(WARM, fault)) if each.source != "live"] == []
    tripped = fault + DEADLINE + 1
    away = of_catalog(work.reads(tripped, end))
    assert [each for each in away if each.source != "stale"] == []
    assert median(away) <= median(work.reads(WARM, fault))
    assert [each for each in of_catalog(work.reads(back + RESET + 1)) if each.source != "live"] == []
    assert [each for each in work.samples if each.took > 2 * DEADLINE] == []


def test_a_database_killed_and_started_ten_seconds_later(busy: Busy, postgres: Postgres) -> None:
    with busy("killed") as work:
        fault = work.now
        postgres.kill()
        time.sleep(10)
        end = work.now
        postgres.start()
        back = work.now
        time.sleep(RESET + 2)
    assert_nobody_was_failed(work, postgres)
    assert_it_was_bridged(work, fault, end, back)


def test_a_database_stopped_for_fifteen_seconds(busy: Busy, postgres: Postgres) -> None:
    with busy("stopped") as work:
        fault = work.now
        postgres.signal(signal.SIGSTOP)
        try:
            time.sleep(15)
            end = work.now
        finally:
            postgres.signal(signal.SIGCONT)
        back = work.now
        time.sleep(RESET + 2)
    assert_nobody_was_failed(work, postgres)
    assert_it_was_bridged(work, fault, end, back)


def test_health_checks_do_not_wait_for_threads_that_wait_for_the_database(
    recommender: Service, postgres: Postgres
) -> None:
    postgres.signal(signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(24) as pool:
            reads = [pool.submit(recommender.get, f"/products?category=none-{n}") for n in range(24)]
            for path in ("/livez", "/readyz/") * 5:
                started = time.monotonic()
                assert recommender.get(path).ok
                assert time.monotonic() - started < 0.5
            assert not all(read.done() for read in reads)
    finally:
        postgres.signal(signal.SIGCONT)
    assert all(read.result().ok for read in reads)
    eventually(lambda: recommender.get("/products").headers["X-Data-Source"] == "live", RESET + 5)


def test_a_fast_restart_degrades_for_its_duration_and_one_reset_timeout(busy: Busy, postgres: Postgres) -> None:
    with busy("restarted") as work:
        postgres.restart()
        back = work.now
        time.sleep(RESET + 2)
    assert_nobody_was_failed(work, postgres)
    assert {each.source for each in of_catalog(work.reads(back + RESET + 1))} == {"live"}


def test_ended_connections_cost_no_answer(
    busy: Busy, postgres: Postgres, recommender: Service, ad_provider: Service
) -> None:
    with busy("ended") as work:
        for _ in range(4):
            # On a slow machine one call may meet each of them; a call is attempted once more than that.
            for _ in range(database.MAX_ATTEMPTS - 1):
                postgres.end_connections()
                time.sleep(0.2)
            time.sleep(1)
    assert_nobody_was_failed(work, postgres)
    assert {each.source for each in of_catalog(work.reads())} == {"live"}
    assert {each.status for each in work.writes()} == {201}
    for service in (recommender, ad_provider):
        assert service.state("database") == "closed"
