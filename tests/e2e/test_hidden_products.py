"""A product that was taken off the lists stays hidden when the database is killed right after the answer."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from catalog.withdrawals import SPREAD
from tests.e2e.services import Postgres, Service, eventually

ASKED = 30  # times, each on a new connection, so that both workers answer
LISTS = ["/recommendations/popular", "/products"]
CONTEXT = {"limit": 100}


@pytest.fixture
def shop(postgres: Postgres, ad_provider: Service) -> Iterator[Service]:
    settings = {"DATABASE_URL": postgres.url, "AD_PROVIDER_URL": ad_provider.url, "WEB_CONCURRENCY": "2"}
    with Service("recommender_site", **settings) as service:
        yield service


def sources(shop: Service, ad_provider: Service, hidden: str) -> set[str]:
    """Where the answers came from; with ``hidden`` in one of them an error."""
    found = set()
    for answer in (*(shop.get(path) for path in LISTS), ad_provider.post("/ads", json=CONTEXT)):
        found.add(answer.headers["X-Data-Source"])
        assert hidden not in [each["asin"] for each in answer.json()], answer.url
    return found


@pytest.mark.parametrize(("method", "status"), [("PATCH", 200), ("DELETE", 204)])
def test_no_worker_and_no_ad_shows_what_was_hidden_before_an_outage(
    postgres: Postgres, shop: Service, ad_provider: Service, token: dict[str, str], method: str, status: int
) -> None:
    for _ in range(ASKED):
        assert sources(shop, ad_provider, "none") == {"live"}
    (hidden,) = (each["asin"] for each in shop.get("/recommendations/popular?limit=1").json())
    change = shop.request(method, f"/products/{hidden}", json={"listed": False}, headers=token)
    postgres.kill()
    assert change.status_code == status
    for _ in range(ASKED):
        assert sources(shop, ad_provider, hidden) == {"stale"}
    postgres.start()
    eventually(lambda: sources(shop, ad_provider, hidden) == {"live"}, 60)


def test_changes_that_are_answered_later_hold_no_thread(
    postgres: Postgres, ad_provider: Service, token: dict[str, str]
) -> None:
    with Service("recommender_site", DATABASE_URL=postgres.url, THREADS="2") as service:
        asins = [each["asin"] for each in service.get("/products?limit=24").json()]
        began = time.monotonic()

        def take_off(asin: str) -> float:
            assert service.request("PATCH", f"/products/{asin}", json={"listed": False}, headers=token).ok
            return time.monotonic() - began

        with ThreadPoolExecutor(24) as pool:
            took = list(pool.map(take_off, asins))
        assert min(took) >= SPREAD
        assert max(took) < len(asins) / 2 * SPREAD / 2  # with two threads that wait it would take twice that
