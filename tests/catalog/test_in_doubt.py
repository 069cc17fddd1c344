"""A write with an unanswered COMMIT is repeated, and undoes no later write."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from catalog import repository
from catalog.models import Product
from resilience import breakers
from tests.conftest import CutCommit

pytestmark = pytest.mark.django_db(transaction=True)


def assert_in_doubt(response: Any) -> None:
    assert response.status_code == 503
    assert "may or may not" in response.json()["detail"]
    assert breakers.database_breaker().describe()["failures"] == 0


def test_a_product_that_was_created_again_is_not_deleted(staff: APIClient, pen: Product, cut_commit: CutCommit) -> None:
    cut_commit(lambda: repository.create_product(asin=pen.asin, fields={"title": "Another pen"}))
    assert_in_doubt(staff.delete(f"/products/{pen.asin}"))
    assert Product.objects.get().title == "Another pen"


def test_a_product_that_is_gone_is_deleted(staff: APIClient, pen: Product, cut_commit: CutCommit) -> None:
    cut_commit()
    assert staff.delete(f"/products/{pen.asin}").status_code == 204
    assert not Product.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_later_change_by_somebody_else_stays(
    staff: APIClient, pen: Product, cut_commit: CutCommit, method: str
) -> None:
    cut_commit(lambda: repository.update_product(asin=pen.asin, fields={"title": "second"}))
    fields = {"asin": pen.asin, "title": "first", "price": "3.00"}
    assert_in_doubt(getattr(staff, method)(f"/products/{pen.asin}", fields, format="json"))
    assert Product.objects.get().title == "second"


def test_a_change_that_is_found_stored_is_200(staff: APIClient, pen: Product, cut_commit: CutCommit) -> None:
    cut_commit(lambda: repository.update_product(asin=pen.asin, fields={"brand": "Quill"}))
    fields = {"title": "first", "price": "3.0", "categories": ["Pens"], "salesRank": {"Pens": 1}}
    response = staff.patch(f"/products/{pen.asin}", fields, format="json")
    assert response.status_code == 200
    assert (response.json()["title"], response.json()["brand"]) == ("first", "Quill")
