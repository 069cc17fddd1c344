from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission, User
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from catalog.models import Product, Review
from tests.catalog.conftest import may

pytestmark = pytest.mark.django_db


def test_a_product_has_the_wire_shape(anybody: APIClient, pen: Product) -> None:
    response = anybody.get("/products/0000000001")
    assert response.status_code == 200
    assert response["X-Data-Source"] == "live"
    assert response.json() == {
        "asin": "0000000001",
        "title": "Gel pen, blue",
        "description": "Writes.",
        "imUrl": "https://shop.example/pen.svg",
        "related": {"also_bought": ["D0PAPER001"]},
        "salesRank": {"Office Products": 12},
        "categories": ["Office Products", "Writing", "Pens"],
        "brand": "Inkwell",
        "price": 2.5,
        "listed": True,
        "in_stock": True,
        "rating": {"average": None, "count": 0},
    }


def test_an_unknown_product_is_404(anybody: APIClient) -> None:
    response = anybody.get("/products/NOBODY")
    assert response.status_code == 404
    assert response.json() == {"detail": "There is no such product."}


@pytest.mark.parametrize("path", ["/products", "/products/"])
def test_it_lists_products_by_id_with_one_query(
    path: str, anybody: APIClient, products: list[Product], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = anybody.get(path)
    assert [each["asin"] for each in response.json()] == [product.asin for product in products]
    assert "Link" not in response


def test_it_skips_and_limits(anybody: APIClient, products: list[Product]) -> None:
    response = anybody.get("/products?skip=2&limit=3")
    assert [each["asin"] for each in response.json()] == ["D00002", "D00003", "D00004"]


def test_following_next_links_visits_each_product_once(anybody: APIClient, products: list[Product]) -> None:
    url: str | None = "/products?limit=3&skip=1"
    seen = []
    while url:
        response = anybody.get(url)
        seen += [each["asin"] for each in response.json()]
        link = response.get("Link", "")
        assert "skip" not in link
        url = link.removeprefix("<").removesuffix('>; rel="next"') or None
    assert seen == [product.asin for product in products[1:]]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("skip=-1", "skip"),
        ("skip=100001", "skip"),
        ("skip=1" + "0" * 30, "skip"),
        ("skip=two", "skip"),
        ("skip=1%00", "skip"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=1.5", "limit"),
        ("limit=NaN", "limit"),
        ("after=-1", "after"),
        ("after=9223372036854775808", "after"),
    ],
)
def test_it_names_a_parameter_that_cannot_be_used(query: str, parameter: str, anybody: APIClient) -> None:
    response = anybody.get(f"/products?{query}")
    assert response.status_code == 400
    assert list(response.json()) == [parameter]


@pytest.mark.parametrize("asin", ["%00", "a%20b", "x" * 256, "%F0%9F%98%80", "a'b"])
def test_an_invalid_asin_is_400(asin: str, anybody: APIClient) -> None:
    response = anybody.get(f"/products/{asin}")
    assert response.status_code == 400
    assert list(response.json()) == ["asin"]


def test_staff_creates_a_product(staff: APIClient) -> None:
    response = staff.post("/products", {"asin": "D1", "title": "Stapler", "categories": ["Office", "Staplers"]}, "json")
    assert response.status_code == 201
    assert response["Location"] == "http://testserver/products/D1"
    assert Product.objects.get(asin="D1").leaf_category == "Staplers"


def test_a_taken_asin_is_409(staff: APIClient, pen: Product) -> None:
    response = staff.post("/products", {"asin": pen.asin, "title": "Another"}, "json")
    assert response.status_code == 409
    pen.refresh_from_db()
    assert pen.title == "Gel pen, blue"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("asin", "no spaces"),
        ("asin", ""),
        ("title", "x" * 1001),
        ("title", "nul \0"),
        ("title", None),
        ("imUrl", "javascript:alert(1)"),
        ("imUrl", "ftp://shop.example/x"),
        ("related", ["a"]),
        ("related", {"also_bought": "D1"}),
        ("related", {"also_bought": ["not an asin"]}),
        ("related", {"nul \0": []}),
        ("related", {str(n): [] for n in range(201)}),
        ("salesRank", {"Office": -1}),
        ("salesRank", {"Office": 1e30}),
        ("categories", "Office"),
        ("categories", ["x" * 201]),
        ("categories", [["nested"]]),
        ("price", -1),
        ("price", "cheap"),
        ("price", 1e30),
        ("price", "NaN"),
    ],
)
def test_it_names_a_field_that_cannot_be_used(field: str, value: object, staff: APIClient) -> None:
    response = staff.post("/products", {"asin": "D1", field: value}, "json")
    assert response.status_code == 400
    assert list(response.json()) == [field]
    assert not Product.objects.exists()


def test_patch_changes_only_what_it_is_given(staff: APIClient, pen: Product) -> None:
    response = staff.patch(f"/products/{pen.asin}", {"price": None, "categories": ["Office Products"]}, "json")
    assert response.status_code == 200
    assert response.json()["price"] is None
    pen.refresh_from_db()
    assert (pen.title, pen.leaf_category) == ("Gel pen, blue", "Office Products")


def test_put_answers_with_the_product(staff: APIClient, pen: Product) -> None:
    response = staff.put(f"/products/{pen.asin}/", {"asin": pen.asin, "title": "Gel pen, red"}, "json")
    assert response.status_code == 200
    assert response.json()["title"] == "Gel pen, red"


def test_an_asin_cannot_be_changed(staff: APIClient, pen: Product) -> None:
    response = staff.patch(f"/products/{pen.asin}", {"asin": "D2"}, "json")
    assert response.status_code == 400
    assert list(response.json()) == ["asin"]


def test_delete_also_deletes_the_reviews(staff: APIClient, pen: Product, review_of: object) -> None:
    review_of("R1")  # type: ignore[operator]
    assert staff.delete(f"/products/{pen.asin}").status_code == 204
    assert staff.get(f"/products/{pen.asin}").status_code == 404
    assert staff.get("/reviews").json() == []


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_writing_an_unknown_product_is_404(method: str, staff: APIClient) -> None:
    assert getattr(staff, method)("/products/D9", {"asin": "D9"}, "json").status_code == 404


def statuses(client: APIClient, pen: Product) -> dict[str, int]:
    """Of one try at each way to write."""
    one, made = f"/products/{pen.asin}", {"asin": "D1"}
    tries = {"post": ("/products", made), "put": (one, {"asin": pen.asin}), "patch": (one, {}), "delete": (one, None)}
    return {name: getattr(client, name)(path, body, "json").status_code for name, (path, body) in tries.items()}


@pytest.mark.parametrize(("client", "status"), [("anybody", 401), ("shopper", 403)])
def test_a_user_without_the_permission_cannot_write(
    client: str, status: int, pen: Product, request: pytest.FixtureRequest
) -> None:
    assert set(statuses(request.getfixturevalue(client), pen).values()) == {status}
    assert list(Product.objects.all()) == [pen]


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        ("view_product", set()),
        ("add_review", set()),
        ("add_product", {"post"}),
        ("change_product", {"put", "patch"}),
        ("delete_product", {"delete"}),
    ],
)
def test_each_method_requires_its_own_permission(permission: str, allowed: set[str], pen: Product) -> None:
    found = statuses(may("clerk", permission), pen)
    assert {name for name, status in found.items() if status != 403} == allowed
    assert {status for name, status in found.items() if name in allowed} <= {200, 201, 204}


def test_the_refusal_names_the_permission(pen: Product) -> None:
    response = may("clerk").delete(f"/products/{pen.asin}")
    assert response.json() == {"detail": "You need the permission catalog.delete_product."}


def test_deleting_a_product_with_reviews_requires_the_permission_to_delete_reviews(
    pen: Product, review_of: Callable[..., Review]
) -> None:
    clerk = may("clerk", "delete_product")
    review_of("R1")
    refused = clerk.delete(f"/products/{pen.asin}")
    assert refused.status_code == 403
    assert "catalog.delete_review" in refused.json()["detail"]
    assert Review.objects.count() == 1
    Review.objects.all().delete()
    assert clerk.delete(f"/products/{pen.asin}").status_code == 204


def test_permissions_of_groups_count_and_those_of_inactive_users_do_not(pen: Product) -> None:
    group = Group.objects.create(name="catalogue")
    group.permissions.set(Permission.objects.filter(codename="change_product"))
    clerk = User.objects.create_user("clerk")
    clerk.groups.add(group)
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=clerk.pk))
    assert client.patch(f"/products/{pen.asin}", {}, "json").status_code == 200
    client.force_authenticate(User(pk=clerk.pk, username="clerk", is_active=False))
    assert client.patch(f"/products/{pen.asin}", {}, "json").status_code == 403


def test_an_unsupported_method_is_405(staff: APIClient, pen: Product) -> None:
    assert staff.post(f"/products/{pen.asin}", {}, "json").status_code == 405
    assert staff.put("/products", {}, "json").status_code == 405


@pytest.mark.django_db(transaction=True)
def test_a_write_is_503_while_permissions_cannot_be_read(pen: Product, lose_database: Callable[[], None]) -> None:
    clerk = may("clerk", "change_product")
    lose_database()
    for _ in range(2):
        response = clerk.patch(f"/products/{pen.asin}", {}, "json")
        assert (response.status_code, "Retry-After" in response) == (503, True)


@pytest.mark.parametrize("path", ["/products", "/products/0000000001", "/products/NOBODY", "/products/not an asin"])
def test_options_describes_a_path(staff: APIClient, pen: Product, path: str) -> None:
    response = staff.options(path)
    assert response.status_code == 200
    assert "application/json" in response.json()["parses"]
