"""The database answers, and takes its time: everybody waits for their turn, and nobody gets an error."""

import time

from tests.e2e.conftest import Busy, assert_nobody_was_failed
from tests.e2e.load import of_catalog
from tests.e2e.proxies import slow_proxy
from tests.e2e.services import Postgres, Service

DELAY = 0.3
QUERIES = {"recommendations": 4, "popular": 3}  # of a read, where it is not one


def test_a_slow_database_is_asked_side_by_side_and_answers_everybody(
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
    assert {each.source for each in reads} == {"live"}
    # Through one lock there would be one query in DELAY.
    assert sum(QUERIES.get(each.path.rpartition("/")[2], 1) for each in reads) * DELAY > 2 * work.now
