"""Two recommenders behind the edge are restarted one after the other, as in an upgrade, and nobody notices."""

import time
from contextlib import ExitStack

import requests

from tests.e2e.conftest import assert_nobody_was_failed
from tests.e2e.load import shop_load
from tests.e2e.services import Postgres, Service
from tests.edge import Edge


def test_no_read_fails_while_instances_are_restarted_in_turn(
    postgres: Postgres, ad_provider: Service, asins: list[str], browser: requests.Session, token: dict[str, str]
) -> None:
    settings = {
        "DATABASE_URL": postgres.url,
        "AD_PROVIDER_URL": ad_provider.url,
        "TRUSTED_PROXIES": "1",
        # An instance that starts takes a core. These deadlines are kept though: nothing is down.
        "DB_DEADLINE": "10",
        "AD_DEADLINE": "5",
    }
    with ExitStack() as stack:
        stacks = [stack.enter_context(ExitStack()) for _ in range(2)]
        instances = [each.enter_context(Service("recommender_site", **settings)) for each in stacks]
        edge = stack.enter_context(Edge([each.port for each in instances], ad_provider.port))
        with shop_load(edge.url, asins, "rolling", browser.cookies.get_dict(), token) as work:
            time.sleep(2)
            for instance, own in zip(instances * 2, stacks * 2, strict=True):
                own.close()
                time.sleep(1)  # the other one carries all
                own.enter_context(Service("recommender_site", instance.port, **settings))
                time.sleep(1)
        assert_nobody_was_failed(work, postgres)
        assert {each.source for each in work.reads()} <= {"live", ""}
        served = {each["upstream"] for each in edge.requests()}
        assert {f"127.0.0.1:{each.port}" for each in instances} <= served
