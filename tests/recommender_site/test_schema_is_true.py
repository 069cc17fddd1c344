"""Every answer to a GET has what the schema requires and nothing that it forbids: live, stale and default."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from catalog.models import Product, Review
from recommendations import repository
from resilience import fallback
from tests.catalog.conftest import may
from tests.openapi import Schema

# Requests by the path in the schema.
READS = {
    "/products": ["/products", "/products?q=pen", "/products?asins=PEN0,BARE", "/products?skip=1000"],
    "/products/facets": ["/products/facets", "/products/facets?q=pen", "/products/facets?q=nothing"],
    "/products/{asin}": ["/products/PEN0", "/products/BARE"],
    "/products/{asin}/reviews": ["/products/PEN0/reviews", "/products/BARE/reviews"],
    "/products/{asin}/reviews/summary": ["/products/PEN0/reviews/summary", "/products/BARE/reviews/summary"],
    "/products/{asin}/recommendations": ["/products/PEN0/recommendations", "/products/BARE/recommendations"],
    "/reviews": ["/reviews", "/reviews?reviewerID=anna"],
    "/reviews/{id}": ["/reviews/{id}"],
    "/reviewers/{reviewerID}/recommendations": ["/reviewers/anna/recommendations", "/reviewers/no/recommendations"],
    "/recommendations/popular": ["/recommendations/popular", "/recommendations/popular?category=Pens"],
    "/ads": ["/ads"],  # none but default ones here; tests/e2e has an ad provider
}
OPERATIONS = {
    "/breakers": ["/breakers"],
    "/breakers/{name}": ["/breakers/database", "/breakers/database?workers=all"],
    "/livez": ["/livez"],
    "/readyz": ["/readyz"],
}
TEXT = {"/metrics"}


@pytest.fixture
def schema(client: Client) -> Schema:
    return Schema(client.get("/openapi.json").json())


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function after which nothing is known to answer with in an outage."""

    def forget_all() -> None:
        fallback.stale_cache.clear()
        monkeypatch.setattr(repository, "popular_cache", repository.PopularCache())

    return forget_all


@pytest.fixture
def shop(forget: Callable[[], None]) -> int:
    """Products with all fields, reviewed, and one with none. Returns the id of a review."""
    forget()
    Product.objects.create(asin="BARE")
    for number in range(4):
        pen = Product.objects.create(
            asin=f"PEN{number}",
            title=f"Gel pen {number}",
            description="Writes.",
            im_url="https://shop.example/pen.svg",
            related={"also_bought": ["BARE", "GONE"]},
            sales_rank={"Office": 12},
            categories=["Office", "Pens"],
            brand="Inkwell",
            price="2.50",
        )
        for name, stars in {"anna": 5, "bert": 1}.items():
            review = Review.objects.create(reviewer_id=name, product=pen, overall=stars, unix_review_time=number)
    call_command("build_recommendations", verbosity=0)
    return review.pk


def check_all(client: Client, schema: Schema, reads: dict[str, list[str]], review: int = 0) -> set[str]:
    """Fail for an answer that the schema does not allow. Returns where the answers came from."""
    sources = set()
    for path, requests in reads.items():
        for request in requests:
            response = client.get(request.format(id=review))
            assert response.status_code == 200, request
            schema.check(response.json(), path)
            sources.add(response.get("X-Data-Source", ""))
    return sources


def test_every_read_is_checked_here(schema: Schema) -> None:
    assert schema.calls("GET") == READS.keys() | OPERATIONS.keys() | TEXT


@pytest.mark.django_db(transaction=True)
def test_live_stale_and_default_answers_are_as_the_schema_says(
    client: Client, schema: Schema, shop: int, forget: Callable[[], None], lose_database: Callable[[], None]
) -> None:
    assert check_all(client, schema, READS, shop) == {"live", "default"}
    lose_database()
    assert "stale" in check_all(client, schema, READS, shop)
    forget()
    assert check_all(client, schema, READS, shop) == {"default"}
    check_all(client, schema, OPERATIONS)


@pytest.mark.django_db
def test_what_a_write_answers_is_whole_too(schema: Schema) -> None:
    staff = may("boss", "add_product", "change_product")
    schema.check(_json(staff, "post", "/products", asin="PEN"), "/products", "POST", 201)
    schema.check(_json(staff, "put", "/products/PEN", asin="PEN"), "/products/{asin}", "PUT")
    schema.check(_json(staff, "patch", "/products/PEN", price=None), "/products/{asin}", "PATCH")
    review = _json(staff, "post", "/reviews", asin="PEN", overall=4)
    schema.check(review, "/reviews", "POST", 201)
    schema.check(_json(staff, "patch", f"/reviews/{review['id']}", overall=5), "/reviews/{id}", "PATCH")
    bad = _json(staff, "post", "/products", asin="", related={"also_bought": [1]}, price="x")
    schema.check(bad, "/products", "POST", 400)


def _json(client: APIClient, method: str, path: str, **body: Any) -> Any:
    return getattr(client, method)(path, body, format="json").json()


@pytest.mark.django_db
def test_a_cut_answer_has_only_the_fields_that_were_asked_for(client: Client, schema: Schema) -> None:
    Product.objects.create(asin="PEN")
    assert client.get("/products/PEN?fields=asin,price").json() == {"asin": "PEN", "price": None}
    for path in ("/products", "/products/{asin}"):
        parameters = {each.get("name"): each for each in schema.paths[path]["get"]["parameters"]}
        assert "requires" in parameters["fields"]["description"]


def test_requests_may_leave_out_what_answers_always_have(client: Client) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for name in ("Product", "Review", "ShownReview", "Recommended", "Ad"):
        assert schemas[name]["required"] == sorted(schemas[name]["properties"])
    assert schemas["ProductRequest"]["required"] == ["asin"]
    assert schemas["ReviewRequest"]["required"] == ["asin", "overall"]
