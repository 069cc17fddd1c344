"""Network faults: silently dropped connections, and connections to a server that is no longer the primary."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import Busy
from tests.e2e.load import of_catalog
from tests.e2e.proxies import Nat, nat
from tests.e2e.services import Postgres, Service, eventually
from tests.e2e.test_sponsored_ads import CAMPAIGN, click, shell, shown

DEADLINE = 2.0  # DB_DEADLINE's default
THREADS = 8


@pytest.fixture
def network(postgres: Postgres) -> Iterator[Nat]:
    with nat(lambda: socket.create_connection(("127.0.0.1", postgres.port))) as between:
        yield between


@pytest.fixture
def service(network: Nat, ad_provider: Service) -> Iterator[Service]:
    """A recommender that reaches its database through ``network``."""
    settings = {"DATABASE_URL": f"postgres://postgres@127.0.0.1:{network.port}/postgres"}
    with Service("recommender_site", **settings, AD_PROVIDER_URL=ad_provider.url) as started:
        yield started


def sources(service: Service, times: int, pause: float = 0.0) -> list[str]:
    """The sources of ``times`` answers, requested by as many threads as the service has."""

    def ask(number: int) -> str:
        time.sleep(pause * number)
        return service.get(f"/products?limit={1 + number}").headers["X-Data-Source"]

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(ask, range(times)))


def test_silently_dropped_idle_connections_cost_no_answer(service: Service, network: Nat) -> None:
    assert set(sources(service, 4 * THREADS)) == {"live"}
    network.drop()
    time.sleep(1)
    found = sources(service, THREADS)
    assert found.count("live") >= THREADS - 1
    assert set(sources(service, 4 * THREADS)) == {"live"}
    assert service.state("database") == "closed"
    network.drop()
    for number in range(6):
        time.sleep(1)
        assert service.get(f"/products?limit={number + 1}").headers["X-Data-Source"] == "live"


def test_dropped_busy_connections_affect_calls_in_progress_only(service: Service, network: Nat, busy: Busy) -> None:
    with busy("dropped", service) as work:
        network.drop()
        dropped = work.now
        time.sleep(DEADLINE + 7)
    assert {each.status for each in work.reads()} == {200}
    later = of_catalog(work.reads(dropped + DEADLINE + 5))  # 1 second is usual
    assert later
    assert {each.source for each in later} == {"live"}
    assert service.state("database") == "closed"
    assert service.get("/breakers/database").json()["events"] == []


@contextmanager
def moved_primary(postgres: Postgres) -> Iterator[None]:
    """New connections reach a read-only server, and then a writable one, while the old ones stay open."""
    postgres.ask("ALTER DATABASE postgres SET default_transaction_read_only = on")
    postgres.end_connections()
    try:
        yield
    finally:
        postgres.ask("SET transaction_read_only = off; ALTER DATABASE postgres RESET default_transaction_read_only")


def test_writes_work_as_soon_as_a_writable_server_is_reachable(
    postgres: Postgres, recommender: Service, token: dict[str, str], asins: list[str]
) -> None:
    def post(number: int) -> int:
        review = {"asin": asins[number], "reviewerID": "moved primary", "overall": 3}
        return recommender.post("/reviews", json=review, headers=token).status_code

    with moved_primary(postgres), ThreadPoolExecutor(THREADS) as pool:
        assert set(pool.map(post, range(2 * THREADS))) == {503}
    with ThreadPoolExecutor(THREADS) as pool:
        assert set(pool.map(post, range(2 * THREADS))) == {201}
    assert recommender.state("database") == "closed"


def test_spooled_events_are_delivered_after_a_failover(postgres: Postgres, tmp_path: Path) -> None:
    database = {"DATABASE_URL": postgres.url}
    shell(CAMPAIGN.format(budget=1_000_000), **database)
    with Service("ad_provider_site", **database, ADS_SPOOL_DIR=str(tmp_path), TRUSTED_PROXIES="1") as service:
        ads = [shown(service, number) for number in range(4)]
        time.sleep(1)  # a click within a second of its impression does not count
        with moved_primary(postgres):
            for ad in ads:
                assert click(ad).status_code == 302
            assert {"events", "delivering"} & {each.name for each in tmp_path.iterdir()}
            time.sleep(1)  # the spool tries, and keeps its connection
        counted = "SELECT count(*) FROM campaigns_event WHERE kind = 'click'"
        eventually(lambda: postgres.ask(counted) == [(len(ads),)], 10)


def test_a_first_host_that_does_not_answer_is_skipped(postgres: Postgres) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        hosts = f"127.0.0.1:{mute.getsockname()[1]},127.0.0.1:{postgres.port}"
        with Service("recommender_site", DATABASE_URL=f"postgres://postgres@{hosts}/postgres") as service:
            eventually(lambda: service.get("/products").headers["X-Data-Source"] == "live", 10)
            assert set(sources(service, 4 * THREADS)) == {"live"}
            assert service.state("database") == "closed"


def test_a_missing_table_affects_its_statements_only(
    postgres: Postgres, recommender: Service, token: dict[str, str], asins: list[str]
) -> None:
    review = {"asin": asins[50], "reviewerID": "missing table", "overall": 3}
    postgres.ask("ALTER TABLE catalog_review RENAME TO elsewhere")
    try:
        for _ in range(3):
            assert recommender.get("/reviews?reviewerID=nobody").headers["X-Data-Source"] == "default"
            assert recommender.post("/reviews", json=review, headers=token).status_code == 503
            assert recommender.get("/products?limit=1").headers["X-Data-Source"] == "live"
            assert recommender.state("database") == "closed"
    finally:
        postgres.ask("ALTER TABLE elsewhere RENAME TO catalog_review")
    assert recommender.post("/reviews", json=review, headers=token).status_code == 201
