"""The status page and the data for its script. tests/e2e runs the script in a browser."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client


def test_it_shows_every_breaker_without_a_query(client: Client) -> None:
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    response = client.get("/status")
    assert response.status_code == 200
    page = response.content.decode()
    assert 'data-name="database"' in page
    assert 'data-name="ad-provider"' in page
    assert "http" not in page.replace('http-equiv="refresh"', "")  # it loads nothing from other hosts


@pytest.mark.django_db(transaction=True)
def test_its_buttons_find_the_csrf_token(lose_database: Callable[[], None]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("boss"))
    page = client.get("/status")
    token = client.cookies[settings.CSRF_COOKIE_NAME].value
    assert f'data-csrf-cookie="{settings.CSRF_COOKIE_NAME}"' in page.content.decode()
    response = client.post(
        "/breakers/database", {"action": "force-open"}, content_type="application/json", headers={"x-csrftoken": token}
    )
    assert response.json()["forced"] == "force-open"


@pytest.mark.django_db(transaction=True)
def test_polling_makes_no_query_even_when_signed_in(client: Client, lose_database: Callable[[], None]) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    lose_database()
    assert client.get("/breakers/database").json()["state"] == "closed"  # no call has failed yet


@pytest.mark.django_db(transaction=True)
def test_the_timeline_counts_answers_by_source(client: Client, lose_database: Callable[[], None]) -> None:
    client.get("/products")
    lose_database()
    client.get("/products")
    client.get("/reviews")
    seconds = client.get("/breakers/database").json()["timeline"]
    assert {source: sum(each[source] for each in seconds) for source in ("live", "stale", "default")} == {
        "live": 1,
        "stale": 1,
        "default": 1,
    }
    assert all(each["ago"] <= 5 and 0 < each["slowest"] < 5 for each in seconds)
