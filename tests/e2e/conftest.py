"""A shop that runs: PostgreSQL with the demo products, and both services before it."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
import requests

from tests.e2e.load import Load, every_read, load
from tests.e2e.services import Postgres, Service, eventually, manage

WARM, CALM = 2.0, 3.0  # seconds of load that are let go by, and those that the rest is compared with
Busy = Callable[..., AbstractContextManager[Load]]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    try:
        manage("migrate", "--verbosity=0", DATABASE_URL=server.url)
        manage("migrate", "--verbosity=0", project="ad_provider", DATABASE_URL=server.url)
        manage("seed_demo", "--products=200", "--reviewers=100", DATABASE_URL=server.url)
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


def make_token(folder: Path, **env: str) -> dict[str, str]:
    """Make the admin user and return the headers of a program of theirs."""
    manage("create_admin", f"--password-file={folder / 'password'}", **env)
    found = re.search(r"[0-9a-f]{40}", manage("drf_create_token", "admin", **env))
    assert found
    return {"Authorization": f"Token {found[0]}"}


@pytest.fixture(scope="module")
def token(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_token(tmp_path_factory.mktemp("admin"), DATABASE_URL=postgres.url)


@pytest.fixture
def browser(recommender: Service, postgres: Postgres, token: dict[str, str]) -> Iterator[requests.Session]:
    """A signed-in browser."""
    manage("shell", "--command", _SET_PASSWORD, DATABASE_URL=postgres.url)
    with closing(requests.Session()) as session:
        login = f"{recommender.url}/accounts/login/"
        session.get(login, timeout=10)
        form = {"username": "admin", "password": "end to end", "csrfmiddlewaretoken": session.cookies["csrftoken"]}
        answer = session.post(login, data=form, allow_redirects=False, timeout=10)
        assert answer.status_code == 302
        yield session


_SET_PASSWORD = """
from django.contrib.auth.models import User
user = User.objects.get()
user.set_password("end to end")
user.save()
"""


@pytest.fixture
def busy(recommender: Service, browser: requests.Session, token: dict[str, str], asins: list[str]) -> Busy:
    """Readers of ``service`` and a writer of reviews under ``name``, at work for long enough to compare."""
    cookies = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies)}

    @contextmanager
    def start(name: str, service: Service = recommender) -> Iterator[Load]:
        def review(number: int) -> tuple[str, object]:
            asin = asins[number % len(asins)]
            return "/reviews", {"asin": asin, "reviewerID": f"{name}-{number}", "overall": 1 + number % 5}

        eventually(lambda: service.get("/products").headers["X-Data-Source"] == "live")
        with load(service.url, every_read(asins[:10]), signed_in=cookies, write=review, writer=token) as work:
            time.sleep(WARM + CALM)
            yield work

    return start
