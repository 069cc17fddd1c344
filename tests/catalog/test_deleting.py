"""The API and the admin refuse to delete a product with too many reviews; a command deletes it."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from catalog import admin, repository
from catalog.management.commands import delete_product
from catalog.models import Product, Review

pytestmark = pytest.mark.django_db
MOST = 5


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (repository, admin):
        monkeypatch.setattr(module, "MAX_REVIEWS_DELETED", MOST)
    monkeypatch.setattr(delete_product, "STEP", 3)


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.fixture
def reviewed(pen: Product, review_of: Callable[..., Review]) -> Callable[[int], Product]:
    def make(reviews: int) -> Product:
        for number in range(reviews):
            review_of(f"R{number}")
        return pen

    return make


def test_the_largest_allowed_number_of_reviews_is_deleted(staff: APIClient, reviewed: Callable[[int], Product]) -> None:
    assert staff.delete(f"/products/{reviewed(MOST).asin}").status_code == 204
    assert not Review.objects.exists()


def test_more_reviews_are_409_with_advice(staff: APIClient, reviewed: Callable[[int], Product]) -> None:
    pen = reviewed(MOST + 1)
    response = staff.delete(f"/products/{pen.asin}")
    assert response.status_code == 409
    assert f"delete_product {pen.asin}" in response.json()["detail"]
    assert (Product.objects.count(), Review.objects.count()) == (1, MOST + 1)
    assert staff.get("/readyz").json()["dependencies"]["database"] == "closed"


def test_counting_reviews_stops_at_the_limit(reviewed: Callable[[int], Product]) -> None:
    pen = reviewed(MOST + 1)
    with CaptureQueriesContext(connection) as asked:
        assert repository.have_too_many_reviews([pen.asin])
    assert f"LIMIT 1 OFFSET {MOST}" in asked.captured_queries[0]["sql"]


def test_the_admin_refuses_them_too(boss: Client, reviewed: Callable[[int], Product]) -> None:
    url = f"/admin/catalog/product/{reviewed(MOST + 1).pk}/delete/"
    assert "delete_product" in boss.get(url).content.decode()
    boss.post(url, {"post": "yes"})
    assert (Product.objects.count(), Review.objects.count()) == (1, MOST + 1)


def test_of_several_products_all_reviews_count(
    boss: Client, reviewed: Callable[[int], Product], review_of: Callable[..., Review], products: list[Product]
) -> None:
    pen = reviewed(3)
    for number in range(3):
        review_of(f"R{number}", product=products[0])
    form = {"action": "delete_selected", "_selected_action": [pen.pk, products[0].pk], "post": "yes"}
    assert "delete_product" in boss.post("/admin/catalog/product/", form).content.decode()
    assert Review.objects.count() == 6
    boss.post("/admin/catalog/product/", form | {"_selected_action": [pen.pk]})
    assert Review.objects.count() == 3


def test_the_command_deletes_any_number_in_steps(
    reviewed: Callable[[int], Product], review_of: Callable[..., Review], products: list[Product]
) -> None:
    pen = reviewed(11)
    review_of("R0", product=products[0])
    said = StringIO()
    with CaptureQueriesContext(connection) as asked:
        call_command("delete_product", pen.asin, stdout=said)
    assert said.getvalue() == f"{pen.asin} and 11 reviews: deleted\n"
    deletions = [each["sql"] for each in asked.captured_queries if each["sql"].startswith("DELETE FROM")]
    assert len([sql for sql in deletions if "catalog_review" in sql]) == 4
    assert not Product.objects.filter(asin=pen.asin).exists()
    assert Review.objects.get().product_id == products[0].asin
    products[0].refresh_from_db()
    assert products[0].review_count == 1


def test_a_dry_run_deletes_nothing(reviewed: Callable[[int], Product]) -> None:
    pen = reviewed(4)
    said = StringIO()
    call_command("delete_product", pen.asin, "--dry-run", stdout=said)
    assert said.getvalue() == f"{pen.asin} and 4 reviews: not deleted\n"
    assert Review.objects.count() == 4


@pytest.mark.parametrize("unknown", ["D404", "no asin", "nul \0"])
def test_nothing_is_deleted_if_one_asin_is_unknown(reviewed: Callable[[int], Product], unknown: str) -> None:
    pen = reviewed(1)
    with pytest.raises(CommandError, match="nothing was deleted"):
        call_command("delete_product", pen.asin, unknown)
    assert Review.objects.count() == 1
