"""Processes that share their breakers, while one of them is cut off from a dependency."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import Busy
from tests.e2e.load import Sample
from tests.e2e.services import RESET, Postgres, Service, eventually, free_port, manage
from tests.forwarder import Forwarder
from tests.redis_server import RedisServer

AT_ONCE = 0.9  # seconds; 0.4 is usual, and a second later the breaker is half-open
RESETS = 3  # reset timeouts for which a process is cut off


@pytest.fixture
def start(postgres: Postgres) -> Iterator[Callable[..., Service]]:
    """A function that starts services that share one Redis."""
    with ExitStack() as started:
        redis = RedisServer()
        started.callback(redis.kill)

        def start(site: str, **env: str) -> Service:
            settings = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url} | env
            return started.enter_context(Service(site, **settings))

        yield start


@contextmanager
def asked(service: Service, path: str) -> Iterator[list[str]]:
    """Request ``path`` all the time. Yields the sources of the answers."""
    sources: list[str] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.05):
            answer = service.get(path)
            assert answer.status_code == 200
            sources.append(answer.headers["X-Data-Source"])

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield sources
    finally:
        over.set()
        thread.join()


def share_of_live(reads: list[Sample]) -> float:
    from_source = [each.source for each in reads if each.source]
    return from_source.count("live") / len(from_source)


@pytest.fixture
def other_path(postgres: Postgres) -> Iterator[Forwarder]:
    """Another route to the same server and port, for a process with PGHOSTADDR=127.0.0.2."""
    with Forwarder(("127.0.0.1", postgres.port), ("127.0.0.2", postgres.port)) as forwarder:
        yield forwarder


@pytest.mark.parametrize("fault", ["refused", "silent", "another port", "another user"])
def test_a_process_that_is_cut_off_does_not_affect_the_others(
    fault: str,
    start: Callable[..., Service],
    busy: Busy,
    postgres: Postgres,
    ad_provider: Service,
    other_path: Forwarder,
) -> None:
    own = {
        "another port": {"DATABASE_URL": postgres.url.replace(str(postgres.port), str(free_port()))},
        "another user": {"DATABASE_URL": postgres.url.replace("postgres@", "nobody@")},
    }.get(fault, {"PGHOSTADDR": "127.0.0.2"})
    healthy = start("recommender_site", WEB_CONCURRENCY="3", AD_PROVIDER_URL=ad_provider.url)
    sick = start("recommender_site", AD_PROVIDER_URL=ad_provider.url, **own)
    with busy(f"cut-off-{fault}", healthy) as work:
        if fault == "refused":
            other_path.close()
        elif fault == "silent":
            sick.get("/products")
            other_path.go_silent()
        began = work.now
        with asked(sick, "/products") as sources:
            time.sleep(RESETS * RESET)
    assert set(sources[1:]) <= {"stale", "default"}
    reads = work.reads(began)
    assert {each.status for each in reads} == {200}
    assert share_of_live(reads) >= 0.97
    assert {each.status for each in work.writes()} == {201}


@pytest.fixture(scope="module")
def half_a_shop(postgres: Postgres) -> str:
    """A database with the tables of the recommender only."""
    postgres.ask("CREATE DATABASE half")
    url = postgres.url.removesuffix("/postgres") + "/half"
    manage("migrate", "--verbosity=0", DATABASE_URL=url)
    manage("seed_demo", "--products=20", "--reviewers=10", DATABASE_URL=url)
    return url


@pytest.mark.parametrize("shares_the_database", [True, False])
def test_an_ad_provider_without_its_tables_opens_no_circuit_of_the_recommender(
    shares_the_database: bool, start: Callable[..., Service], postgres: Postgres, half_a_shop: str, tmp_path: Path
) -> None:
    recommender = start("recommender_site", DATABASE_URL=half_a_shop)
    url = half_a_shop
    if not shares_the_database:
        postgres.ask("CREATE DATABASE bare")
        url = url.replace("/half", "/bare")
    ad_provider = start("ad_provider_site", DATABASE_URL=url, ADS_SPOOL_DIR=str(tmp_path))
    eventually(lambda: recommender.get("/products").headers["X-Data-Source"] == "live")
    with asked(recommender, "/products") as sources:
        for _ in range(RESETS):
            ad_provider.get("/ads/click/x", allow_redirects=False)
            ad_provider.post("/ads", json={})
            time.sleep(RESET)
    assert set(sources) == {"live"}
    assert recommender.get("/breakers/database").json()["events"] == []


@pytest.fixture
def two_of_one_ad_provider(
    start: Callable[..., Service], ad_provider: Service
) -> Iterator[tuple[Service, Service, Forwarder]]:
    with Forwarder(("127.0.0.1", ad_provider.port)) as path:
        url = f"http://127.0.0.1:{path.port}"
        one, two = (start("recommender_site", AD_PROVIDER_URL=url, SABOTAGE="on") for _ in range(2))
        eventually(lambda: {each.get("/ads").headers["X-Data-Source"] for each in (one, two)} == {"live"})
        yield one, two, path


def test_one_failed_call_for_ads_does_not_stop_the_other_processes(
    two_of_one_ad_provider: tuple[Service, Service, Forwarder],
) -> None:
    one, two, _ = two_of_one_ad_provider
    with asked(two, "/ads") as sources:
        for _ in range(2):
            one.post("/sabotage-ad-server")
            assert one.state("ad-provider") == "open"
            eventually(lambda: one.get("/ads").headers["X-Data-Source"] == "live")
    assert set(sources) == {"live"}


def test_a_silent_ad_provider_opens_all_at_once(two_of_one_ad_provider: tuple[Service, Service, Forwarder]) -> None:
    one, two, path = two_of_one_ad_provider
    path.go_silent()
    assert one.get("/ads").headers["X-Data-Source"] == "default"
    eventually(lambda: one.state("ad-provider") == "open")  # after its check has failed too
    eventually(lambda: two.state("ad-provider") == "open", AT_ONCE)
    path.speak()
    eventually(lambda: {each.get("/ads").headers["X-Data-Source"] for each in (one, two)} == {"live"})
