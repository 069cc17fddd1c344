"""The shop under test, with pictures and ads that lead to it, and windows on it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from selenium.webdriver import Chrome

from tests.e2e.services import Postgres, Service, eventually, free_port, manage
from tests.e2e.storefront.window import Window

AD_DEADLINE = 2  # seconds
CAMPAIGN = """
from catalog.models import Product
from tests.campaigns import sponsors
for product in Product.objects.order_by("-review_count", "asin")[20:22]:
    sponsors.ad(sponsors.campaign(product.asin), product.asin, "category Office Products", "keyword pen")
"""


@pytest.fixture(scope="module")
def port() -> int:
    """The recommender's port. The ad provider has to know it first."""
    return free_port()


@pytest.fixture(scope="module")
def ad_provider(postgres: Postgres, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    manage("shell", "--verbosity=0", "-c", CAMPAIGN, project="ad_provider", DATABASE_URL=postgres.url)
    own = free_port()
    settings = {
        "DATABASE_URL": postgres.url,
        "AD_PROVIDER_PUBLIC_URL": f"http://127.0.0.1:{own}",
        "RECOMMENDER_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ADS_SPOOL_DIR": str(tmp_path_factory.mktemp("spool")),
    }
    with Service("ad_provider_site", own, **settings) as service:
        yield service


@pytest.fixture(scope="module")
def recommender(postgres: Postgres, ad_provider: Service, port: int) -> Iterator[Service]:
    url = f"http://127.0.0.1:{port}"
    postgres.ask(f"UPDATE catalog_product SET im_url = replace(im_url, 'http://localhost:8000', '{url}')")
    settings = {
        "DATABASE_URL": postgres.url,
        "AD_PROVIDER_URL": ad_provider.url,
        "SABOTAGE": "on",
        # Deadlines that a busy machine keeps.
        "DB_DEADLINE": "10",
        "AD_DEADLINE": str(AD_DEADLINE),
        "AD_RESET_TIMEOUT": "4",
    }
    with Service("recommender_site", port, **settings) as service:
        yield service


@pytest.fixture(scope="module")
def popular(recommender: Service) -> list[str]:
    """The products with the most reviews."""
    return [product["asin"] for product in recommender.get("/products?sort=popular&limit=100").json()]


@pytest.fixture(params=["telephone", "desk without scripts"])
def window(request: pytest.FixtureRequest, recommender: Service, new_tab: Chrome) -> Iterator[Window]:
    """A new visitor's window. Its console must stay clean."""
    screen, _, rest = request.param.partition(" ")
    opened = Window(new_tab, recommender.url, screen, has_scripts=not rest)
    yield opened
    opened.close()
    assert opened.complaints() == []


@pytest.fixture
def outage(postgres: Postgres, recommender: Service) -> Callable[[], AbstractContextManager[None]]:
    """Kill the database for a ``with`` block. Afterwards answers are live again."""

    @contextmanager
    def outage() -> Iterator[None]:
        postgres.kill()
        try:
            yield
        finally:
            postgres.start()
            eventually(lambda: recommender.get("/products").headers["X-Data-Source"] == "live")

    return outage
