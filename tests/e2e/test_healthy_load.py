"""A healthy shop: sixteen readers and a writer on two cores, and every answer is live."""

import time

from tests.e2e.conftest import Busy, assert_nobody_was_failed
from tests.e2e.services import Postgres, Service

SECONDS = 10


def test_without_a_fault_every_answer_is_live(
    busy: Busy, postgres: Postgres, recommender: Service, ad_provider: Service
) -> None:
    with busy("healthy") as work:
        time.sleep(SECONDS)
    assert_nobody_was_failed(work, postgres)
    assert [each for each in work.samples if each.source not in ("", "live")] == []
    assert {each.status for each in work.writes()} == {201}
    assert recommender.get("/breakers/database").json()["events"] == []
    assert ad_provider.get("/breakers/database").json()["events"] == []
