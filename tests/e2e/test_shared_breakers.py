"""Two worker processes of both services share breakers through Redis, until Redis is lost."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from resilience.sharing import RETRY_INTERVAL
from tests.e2e.conftest import Busy
from tests.e2e.load import median
from tests.e2e.services import RESET, Postgres, Service, eventually
from tests.redis_server import RedisServer

AT_ONCE = 1.0  # seconds; 0.1 to 0.4 is usual


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.kill()


@pytest.fixture
def start(postgres: Postgres, redis_server: RedisServer) -> Iterator[Callable[..., Service]]:
    with ExitStack() as started:

        def start(site: str, **env: str) -> Service:
            settings = {"DATABASE_URL": postgres.url, "REDIS_URL": redis_server.url}
            service = started.enter_context(Service(site, **settings, WEB_CONCURRENCY="2", SABOTAGE="on", **env))
            eventually(lambda: processes(service, "closed") == 2)
            return service

        yield start


def processes(service: Service, state: str) -> int:
    """The number of processes whose database breaker is in this state; a due probe does not count."""
    found = re.search(rf'breaker_state\{{breaker="database",state="{state}"\}} (\d)', service.get("/metrics").text)
    assert found
    return int(found[1])


def log_of(service: Service) -> str:
    return os.pread(
        service.log.fileno(), 10_000_000, 0
    ).decode()  # pread, because a seek would move the service's position


def is_live(service: Service) -> bool:
    return {service.get("/products").headers["X-Data-Source"] for _ in range(12)} == {"live"}


@pytest.mark.parametrize(
    ("lose", "bring_back"),
    [
        (Postgres.kill, Postgres.start),
        (lambda server: server.signal(signal.SIGSTOP), lambda server: server.signal(signal.SIGCONT)),
    ],
)
def test_an_outage_opens_all_circuits_and_one_process_at_a_time_probes(
    lose: Callable[[Postgres], object],
    bring_back: Callable[[Postgres], object],
    start: Callable[..., Service],
    postgres: Postgres,
) -> None:
    both = start("recommender_site"), start("ad_provider_site")

    def count(state: str) -> int:
        return sum(processes(service, state) for service in both)

    lose(postgres)
    try:
        both[0].get("/products")
        eventually(lambda: count("open") >= 1)
        eventually(lambda: count("open") == 4, AT_ONCE)
        probes, end = [], time.monotonic() + 2 * RESET
        while time.monotonic() < end:
            both[0].get("/products")
            probes.append(count("half-open"))
    finally:
        bring_back(postgres)
    assert max(probes) <= 1
    eventually(lambda: is_live(both[0]))
    eventually(lambda: count("closed") == 4, RESET)


def override(service: Service, action: str, token: dict[str, str]) -> None:
    assert service.post("/breakers/database", json={"action": action}, headers=token).ok


def limit_memory(server: RedisServer, to: int) -> None:
    server.run("CONFIG", "SET", "maxmemory", str(to))


LOSSES: dict[str, tuple[Callable[[RedisServer], object], Callable[[RedisServer], object]]] = {
    "killed": (RedisServer.kill, RedisServer.start),
    "stopped": (RedisServer.stop, RedisServer.go_on),
    "full": (lambda server: limit_memory(server, 1), lambda server: limit_memory(server, 0)),
    "wiped": (lambda server: server.run("FLUSHALL"), lambda server: None),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_clients_do_not_notice_the_loss_of_redis(
    loss: str,
    start: Callable[..., Service],
    busy: Busy,
    redis_server: RedisServer,
    ad_provider: Service,
    token: dict[str, str],
) -> None:
    lose, bring_back = LOSSES[loss]
    recommender = start("recommender_site", AD_PROVIDER_URL=ad_provider.url)
    with busy(f"redis-{loss}", recommender) as work:
        lost = work.now
        lose(redis_server)
        for _ in range(2):
            recommender.post("/sabotage-db")
            assert processes(recommender, "open") >= 1
            eventually(lambda: is_live(recommender))
        bring_back(redis_server)
        back = work.now
        time.sleep(RETRY_INTERVAL + 1)
        override(recommender, "force-open", token)
        eventually(lambda: processes(recommender, "open") == 2, RESET)
        override(recommender, "reset", token)
        eventually(lambda: is_live(recommender))
    assert [each for each in work.reads() if each.status != 200] == []
    assert {each.status for each in work.writes()} <= {201, 503}
    assert "Traceback" not in log_of(recommender)
    # Only a probe waits for Redis, for 0.1 s.
    assert median(work.reads(lost, back)) < 2 * median(work.reads(until=lost)) + 0.05


def test_overrides_are_shared_again_after_redis_returns(
    start: Callable[..., Service], redis_server: RedisServer, token: dict[str, str]
) -> None:
    service = start("recommender_site")
    redis_server.kill()
    override(service, "force-open", token)
    assert (processes(service, "open"), processes(service, "closed")) == (1, 1)
    redis_server.start()
    eventually(lambda: processes(service, "open") == 2, RETRY_INTERVAL + 1)
    assert "Traceback" not in log_of(service)
