"""/metrics tells where recommended products come from, and how old the build is."""

import math
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY

from catalog.models import Product
from recommendations import builds

pytestmark = pytest.mark.django_db(transaction=True)


def products(name: str, source: str) -> float:
    labels = {"list": name, "source": source}
    return REGISTRY.get_sample_value("recommendations_products_total", labels) or 0.0


def age() -> float | None:
    return REGISTRY.get_sample_value("recommendations_build_age_seconds")


@pytest.fixture(autouse=True)
def shop() -> None:
    for number in range(3):
        Product.objects.create(asin=f"PEN{number}", title=f"Fountain pen {number}", categories=["Pens"])


def test_products_are_counted_by_list_and_source(client: Client) -> None:
    call_command("build_recommendations", verbosity=0)
    names = ("similar", "for-reviewer", "for-products", "popular")
    sources = ("similar-text", "popular", "similar-text", "popular")
    before = [products(*pair) for pair in zip(names, sources, strict=True)]
    client.get("/products/PEN0/recommendations")
    client.get("/reviewers/nobody/recommendations")
    client.post("/recommendations", {"asins": ["PEN0"]}, content_type="application/json")
    client.get("/recommendations/popular?limit=1")
    after = [products(*pair) for pair in zip(names, sources, strict=True)]
    assert [now - then for now, then in zip(after, before, strict=True)] == [2, 3, 2, 1]


def test_the_age_is_that_of_the_active_build(client: Client) -> None:
    call_command("build_recommendations", verbosity=0)
    build = builds.active()
    assert build is not None
    build.finished_at = timezone.now() - timedelta(days=3)
    build.save()
    client.get("/recommendations/popular")
    assert age() == pytest.approx(3 * 86_400, abs=60)


def test_without_a_build_it_is_infinite(client: Client) -> None:
    client.get("/recommendations/popular")
    assert age() == math.inf
