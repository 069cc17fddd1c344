"""The database answers, and takes its time: nobody gets an error, and nobody who does not need it waits for it."""

import time

from tests.e2e.conftest import Busy, assert_nobody_was_failed
from tests.e2e.load import median, of_catalog
from tests.e2e.proxies import slow_proxy
from tests.e2e.services import Postgres, Service

DELAY = 0.3
QUERIES = {"recommendations": 4, "popular": 3}  # of a read, where it is not one


def test_a_slow_database_is_asked_side_by_side_and_never_by_every_thread(
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
    reads = of_catalog(work.reads())
    live = [each for each in reads if each.source == "live"]
    # Through one lock there would be one query in DELAY.
    assert sum(QUERIES.get(each.path.rpartition("/")[2], 1) for each in live) * DELAY > 2 * work.now
    # Who found no place was answered at once: the threads were never all held.
    waited = [each for each in reads if each.source == "stale"]
    assert len(waited) > len(live)
    assert median(waited) < DELAY / 3
