"""A running shop: PostgreSQL with the demo products, and both services."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import requests
from selenium.webdriver import Chrome

from tests.e2e import chromium
from tests.e2e.admin import Admin
from tests.e2e.load import Load, every_read, shop_load
from tests.e2e.services import Postgres, Service, eventually
from tests.e2e.shop import shop_template

WARM, CALM = 2.0, 3.0  # seconds of load to ignore, and seconds to compare the rest with
Busy = Callable[..., AbstractContextManager[Load]]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres(template=shop_template().data)
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def ad_provider(postgres: Postgres) -> Iterator[Service]:
    with Service("ad_provider_site", DATABASE_URL=postgres.url) as service:
        yield service


@pytest.fixture(scope="module")
def recommender(postgres: Postgres, ad_provider: Service) -> Iterator[Service]:
    settings = {"DATABASE_URL": postgres.url, "AD_PROVIDER_URL": ad_provider.url, "SABOTAGE": "on"}
    with Service("recommender_site", **settings) as service:
        yield service


@pytest.fixture(scope="module")
def asins(recommender: Service) -> list[str]:
    return [product["asin"] for product in recommender.get("/products?limit=200").json()]


@pytest.fixture(scope="module")
def admin(postgres: Postgres) -> Admin:
    return shop_template().admin


@pytest.fixture(scope="module")
def token(admin: Admin) -> dict[str, str]:
    return admin.token


@pytest.fixture
def browser(recommender: Service, admin: Admin) -> Iterator[requests.Session]:
    """A signed-in browser."""
    with admin.browser(recommender.url) as session:
        yield session


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium.running(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture
def new_tab(chrome: Chrome) -> Chrome:
    """A browser as good as new."""
    chromium.forget(chrome)
    return chrome


@pytest.fixture
def busy(recommender: Service, browser: requests.Session, token: dict[str, str], asins: list[str]) -> Busy:
    """A load on ``service``, whose writer uses ``name``, after WARM and CALM seconds."""

    @contextmanager
    def start(name: str, service: Service = recommender) -> Iterator[Load]:
        eventually(lambda: service.get("/products").headers["X-Data-Source"] == "live")
        for path in every_read(asins[:10]):  # once each, as the load may be too slow to request all of them
            service.get(path)
        with shop_load(service.url, asins, name, browser.cookies.get_dict(), token) as work:
            time.sleep(WARM + CALM)
            yield work

    return start


def assert_nobody_was_failed(work: Load, postgres: Postgres) -> None:
    """No read was an error, and every acknowledged write is stored."""
    assert [each for each in work.reads() if each.status != 200] == []
    assert {each.status for each in work.writes()} <= {201, 503}
    found = {number for (number,) in postgres.ask("SELECT id FROM catalog_review")}
    assert work.acknowledged
    assert {json.loads(review)["id"] for review in work.acknowledged} <= found
