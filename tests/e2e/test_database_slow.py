"""A slow database: no errors, and bounded waits."""

import time

from resilience.bulkhead import STALL_TIMEOUT
from tests.e2e.conftest import Busy, assert_nobody_was_failed
from tests.e2e.load import of_catalog
from tests.e2e.proxies import slow_proxy
from tests.e2e.services import Postgres, Service

DELAY = 0.3
QUERIES = {"recommendations": 5, "popular": 4}  # queries per read, if more than one


def test_a_slow_database_is_queried_in_parallel_with_bounded_waits(
    postgres: Postgres, ad_provider: Service, busy: Busy
) -> None:
    with slow_proxy(postgres.port, DELAY) as port:
        settings = {
            "DATABASE_URL": f"postgres://postgres@127.0.0.1:{port}/postgres",
            "AD_PROVIDER_URL": ad_provider.url,
            "DB_DEADLINE": "10",
        }
        with Service("recommender_site", **settings) as service:
            with busy("slow", service) as work:
                time.sleep(10)
            assert service.state("database") == "closed"
    assert_nobody_was_failed(work, postgres)
    assert {each.status for each in work.writes()} == {201}
    live = [each for each in of_catalog(work.reads()) if each.source == "live"]
    # With one lock there would be one query per DELAY.
    assert sum(QUERIES.get(each.path.rpartition("/")[2], 1) for each in live) * DELAY > 2 * work.now
    # Calls of several queries take longer than a stall, so they hold some threads and never all of them.
    waited = [each for each in of_catalog(work.reads()) if each.source == "stale"]
    assert all(each.took < 5 * (STALL_TIMEOUT + DELAY) for each in waited)
