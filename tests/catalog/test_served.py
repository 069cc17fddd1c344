"""Rows as they are served."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from catalog import defaults, repository, wire
from catalog.models import Product
from catalog.review_serializers import ReviewSerializer
from catalog.search.repository import get_products
from catalog.serializers import ProductSerializer
from catalog.served import ProductRow

pytestmark = pytest.mark.django_db
FIELDS = {
    "title": "Pen",
    "categories": ["Office", "Pens"],
    "related": {"also_bought": ["P2"]},
    "salesRank": {"Pens": 1},
}


def json_of(row: ProductRow) -> list[Any]:
    return [row.categories, row.related, row.sales_rank]


def test_json_is_text_in_every_row(pen: Product) -> None:
    read = repository.get_product_by_asin(asin=pen.asin)
    (listed,) = get_products(skip=0, limit=10).rows
    (advertised,) = repository.get_ad_candidates(asin=None, more_categories=("Pens",), limit=1).fitting
    written = repository.update_product(asin=pen.asin, fields={"title": "Pen"})
    for row in (read, listed, advertised, written, defaults.product(asin="P1")):
        assert all(isinstance(each, str) for each in json_of(row))


def test_a_row_cannot_be_changed_or_saved(pen: Product) -> None:
    row = repository.get_product_by_asin(asin=pen.asin)
    with pytest.raises(AttributeError):
        row.title = "Another"  # type: ignore[misc]
    assert not hasattr(row, "save")
    assert Product.objects.get().leaf_category == "Pens"


def test_a_write_answers_with_what_a_read_answers(staff: APIClient) -> None:
    created = staff.post("/products", {"asin": "P1"} | FIELDS, format="json").json()
    assert created == staff.get("/products/P1").json() == staff.get("/products").json()[0]
    assert {name: created[name] for name in FIELDS} == FIELDS


def test_serializers_use_the_table_of_wire_names() -> None:
    table = {name.lower(): value for name, value in vars(wire).items() if name.isupper()}
    fields = {**ProductSerializer().fields, **ReviewSerializer().fields}
    for attribute, name in table.items():
        assert fields[name].source in (attribute, name)
    differing = {name for name, field in fields.items() if name not in (field.source, wire.REVIEW_TIME)}
    assert differing | {wire.REVIEW_TIME} == set(table.values())
