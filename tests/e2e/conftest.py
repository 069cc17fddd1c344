"""A shop that runs: PostgreSQL with the demo products, and both services before it."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.e2e.services import Postgres, Service, manage


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
