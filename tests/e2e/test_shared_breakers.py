"""Two worker processes and both services, sharing their breakers through Redis."""

from collections.abc import Iterator

import pytest

from tests.e2e.services import RESET, Postgres, Service, eventually
from tests.redis_server import RedisServer


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.kill()


def states(service: Service) -> set[str]:
    """The states of the database's breaker in whichever processes answer; each is all but sure to be among them."""
    return {service.state("database") for _ in range(12)}


def test_one_process_trips_and_recovers_for_all(postgres: Postgres, redis_server: RedisServer) -> None:
    settings = {"DATABASE_URL": postgres.url, "REDIS_URL": redis_server.url, "WEB_CONCURRENCY": "2", "SABOTAGE": "on"}
    with Service("recommender_site", **settings) as recommender, Service("ad_provider_site", **settings) as ad_provider:
        assert states(recommender) == states(ad_provider) == {"closed"}
        recommender.post("/sabotage-db")
        eventually(lambda: states(recommender) == {"open"}, RESET)
        assert states(ad_provider) == {"open"}
        eventually(lambda: recommender.get("/products").headers["X-Data-Source"] == "live")
        eventually(lambda: states(recommender) == states(ad_provider) == {"closed"}, RESET)
