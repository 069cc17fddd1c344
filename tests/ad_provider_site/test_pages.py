"""The ad provider's front page, admin, schema and operations."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client


def test_the_front_page_says_where_to_go_and_asks_no_database(client: Client) -> None:
    page = client.get("/").content.decode()
    assert "<h1>Ad provider</h1>" in page
    for path in ("/docs", "/admin/", "/breakers", "/readyz", "/metrics"):
        assert f'href="{path}"' in page
    assert "Database" in page


def test_the_form_asks_for_a_search_too_and_marks_who_pays(client: Client) -> None:
    assert '<input name="keywords"' in client.get("/").content.decode()
    script = finders.find("ad_provider_site/home.js")
    assert 'ad.sponsored ? "Sponsored" : "House ad"' in Path(str(script)).read_text()


def test_the_admin_names_the_service(admin_client: Client) -> None:
    page = admin_client.get("/admin/").content.decode()
    assert "Ad provider" in page
    assert "Products" in page


def test_it_signs_nobody_out_of_the_recommender(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("anna"))
    assert list(client.cookies) == ["ad_provider_sessionid"]


def test_its_schema_has_its_own_calls_only(client: Client) -> None:
    schema = client.get("/schema?format=json").json()
    assert schema["openapi"] == "3.1.0"
    assert set(schema["paths"]) == {"/ads", "/breakers", "/breakers/{name}", "/livez", "/metrics", "/readyz"}


@pytest.mark.parametrize("path", ["/products", "/reviews", "/sabotage-db"])
def test_it_has_none_of_the_recommenders_calls(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/docs", "/livez", "/readyz", "/metrics", "/breakers"])
def test_it_has_docs_health_and_metrics(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200
