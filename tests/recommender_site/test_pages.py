"""The page about the service, and its sabotage buttons."""

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings

SABOTAGE = [("/sabotage-db", "database", "OperationalError"), ("/sabotage-ad-server", "ad-provider", "BadAnswer")]


def test_the_page_about_the_service_shows_each_dependency_and_links(client: Client) -> None:
    # A lookup of the session would query the database, which raises in this test.
    client.cookies[django_settings.SESSION_COOKIE_NAME] = "a" * 32
    page = client.get("/about").content.decode()
    for path in ("/products", "/reviews", "/ads", "/docs", "/admin/", "/breakers", "/readyz", "http://localhost:8001"):
        assert f'href="{path}"' in page
    assert page.count("● up (closed)") == 2
    assert "<span>Ad provider</span>" in page
    assert "<h2>Ad provider " in client.get("/status").content.decode()
    client.post("/sabotage-db")
    page = client.get("/about").content.decode()
    assert page.count("● up (closed)") == 1
    assert "last error: sabotage" in page


@pytest.mark.parametrize(("path", "name", "error"), SABOTAGE)
def test_sabotage_opens_the_breaker(client: Client, path: str, name: str, error: str) -> None:
    for _ in range(2):  # the failing call, and one that is rejected
        breaker = client.post(path).json()
        assert (breaker["name"], breaker["state"], breaker["last_error"]["type"]) == (name, "open", error)
        assert breaker["last_error"]["cause"] == "sabotage"
    states = {each["name"]: each["state"] for each in client.get("/breakers").json()}
    assert [name for name, state in states.items() if state == "open"] == [name]


@pytest.mark.parametrize(("path", "name", "error"), SABOTAGE)
def test_sabotage_needs_a_post(client: Client, path: str, name: str, error: str) -> None:
    assert client.get(path).status_code == 405
    assert client.get("/readyz").json()["status"] == "ready"


@pytest.mark.parametrize(("path", "name", "error"), SABOTAGE)
def test_without_the_setting_there_is_no_sabotage(
    client: Client, settings: Settings, path: str, name: str, error: str
) -> None:
    settings.SABOTAGE = False
    assert client.post(path).status_code == 404
    assert client.get(path).status_code == 404
    assert client.get("/readyz").json()["status"] == "ready"
    assert "Break it" not in client.get("/about").content.decode()


def test_the_pictures_of_the_demo_shop_are_served(client: Client) -> None:
    response = client.get("/pictures/pen-30.svg")
    assert response.status_code == 200
    assert response["Content-Type"] == "image/svg+xml"
    assert response.content.startswith(b"<svg")
    assert "0%" in client.get("/pictures/pen-grey.svg").content.decode()
    assert client.get("/pictures/unicorn-30.svg").status_code == 404
    assert client.get("/pictures/pen-999999999999.svg").status_code == 404
