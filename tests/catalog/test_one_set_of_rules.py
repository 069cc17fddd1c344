"""The importers, the API and the admin accept the same values."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.forms import BoundField, Textarea
from django.test import Client
from rest_framework.test import APIClient

from catalog.importers.importer import Counts
from catalog.importers.products import ProductImporter
from catalog.importers.reviews import ReviewImporter
from catalog.models import Product
from tests.catalog.conftest import may
from tests.catalog.importing import as_lines, import_products, import_reviews, product_of, reasons

pytestmark = pytest.mark.django_db

USED: list[dict[str, Any]] = [
    {"imUrl": "http://my_host.example/x.jpg"},
    {"imUrl": "https://cdn/x.jpg"},
    {"imUrl": "https://img.example/a|b.jpg"},
    {"imUrl": "https://user:pw@img.example:8080/a.jpg?b#c"},
    {"imUrl": "http://127.0.0.1/x.jpg"},
    {"imUrl": "http://[::1]/x.jpg"},
    {"imUrl": "https://bücher.example/x.jpg"},
    {"title": "ctrl \u0001\u0007", "description": "bell \u0007 esc \u001b[31m"},
    {"title": "\u202eRTL", "brand": "x"},
    {"related": {"also_bought": ["P7", "P7", "P1"]}},
    {"related": {"also_bought": [f"A{n}" for n in range(200)]}},
    {"salesRank": {f"c{n}": n for n in range(200)}},
    {"categories": [f"C{n}" for n in range(20)]},
    {"asin": "a.b_c-d"},
    {"asin": "..."},
    {"price": 99_999_999.99},
    {"title": "Stool,\n12 in", "brand": "by\n    \n    Maker", "description": "One\n\n  two"},
    {"description": "x\n" * 49_999 + "x"},
]
REFUSED: list[tuple[str, Any]] = [
    ("asin", "."),
    ("asin", ".."),
    ("asin", "P/1"),
    ("asin", 12),
    ("title", "x" * 1001),
    ("title", "nul \0"),
    ("title", True),
    ("brand", "x" * 201),
]
# The importer takes the rest of the row, and counts these.
KEPT_OUT: list[tuple[str, Any]] = [
    ("imUrl", "ftp://img.example/x.jpg"),
    ("imUrl", "https://exa mple/x.jpg"),
    ("imUrl", "https://-img.example/x.jpg"),
    ("imUrl", "https:///x.jpg"),
    ("imUrl", "javascript:alert(1)"),
    ("related", {"": ["P1"]}),
    ("related", {"also_bought": [".."]}),
    ("salesRank", {"": 5}),
    ("salesRank", {"Toys": 2**63}),
    ("salesRank", {f"c{n}": n for n in range(201)}),
    ("related", {f"kind{n}": ["P1"] for n in range(201)}),
    ("related", {"also_bought": [f"A{n}" for n in range(201)]}),
    ("categories", [f"C{n}" for n in range(21)]),
    ("categories", ["x" * 201]),
    ("price", -1),
    ("price", 100_000_000),
]


@pytest.mark.slow
@pytest.mark.parametrize("fields", USED)
def test_what_is_imported_can_be_put_back_and_saved_in_the_admin(
    fields: dict[str, Any], tmp_path: Path, staff: APIClient, client: Client
) -> None:
    product = product_of(tmp_path, fields)
    url = f"/products/{product.asin}"
    read = staff.get(url).json()
    for name, value in fields.items():
        assert read[name] == value
    assert staff.put(url, read, format="json").status_code == 200
    assert staff.get(url).json() == read
    client.force_login(User.objects.create_superuser("root"))
    page = f"/admin/catalog/product/{product.pk}/change/"
    form = client.get(page).context["adminform"].form
    filled = {name: _as_browsers_send(form[name]) for name in form.fields}
    answer = client.post(page, filled)
    assert answer.status_code == 302
    assert staff.get(url).json() == read


def _as_browsers_send(field: BoundField) -> str:
    """The value as a browser sends it: an input drops line ends, a textarea changes them to CRLF."""
    value = "" if field.value() is None else str(field.value())
    return value.replace("\n", "\r\n" if isinstance(field.field.widget, Textarea) else "")


@pytest.mark.parametrize("fields", USED)
def test_what_the_api_accepts_can_be_imported(fields: dict[str, Any], tmp_path: Path, staff: APIClient) -> None:
    answer = staff.post("/products", {"asin": "P1"} | fields, format="json")
    assert answer.status_code == 201
    assert import_products(tmp_path, as_lines([answer.json()])) == Counts(read=1, unchanged=1)


@pytest.mark.parametrize(("field", "value"), REFUSED)
def test_a_value_that_the_api_refuses_rejects_its_row(field: str, value: Any, tmp_path: Path, staff: APIClient) -> None:
    row = {"asin": "P1"} | {field: value}
    answer = staff.post("/products", row, format="json")
    assert (answer.status_code, list(answer.json())) == (400, [field])
    (reason,) = reasons(tmp_path, ProductImporter, as_lines([row]))
    assert reason.startswith(f"{field}: ")


@pytest.mark.parametrize(("field", "value"), KEPT_OUT)
def test_a_value_that_the_api_refuses_is_not_stored(field: str, value: Any, tmp_path: Path, staff: APIClient) -> None:
    row = {"asin": "P1"} | {field: value}
    answer = staff.post("/products", row, format="json")
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert import_products(tmp_path, as_lines([row])).unreadable == {field: 1}
    assert staff.get("/products/P1").json()[field] != value


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"rank": [f"#{n} in C{n}" for n in range(201)]}, "salesRank"),
        ({"related": {f"kind{n}": ["P1"] for n in range(199)}, "also_buy": ["P1"], "also_view": ["P1"]}, "related"),
    ],
)
def test_more_names_than_the_api_accepts_are_left_out_and_counted(
    fields: dict[str, Any], field: str, tmp_path: Path, staff: APIClient
) -> None:
    assert import_products(tmp_path, as_lines([{"asin": "P1"} | fields])).unreadable == {field: 1}
    read = staff.get("/products/P1").json()
    assert len(read[field]) == 200
    assert staff.put("/products/P1", read, format="json").status_code == 200


@pytest.mark.parametrize("column", ["im_url", "related", "sales_rank", "categories", "price"])
def test_the_admin_refuses_what_the_api_refuses(column: str, client: Client, pen: Product) -> None:
    wire = {"im_url": "imUrl", "sales_rank": "salesRank"}.get(column, column)
    client.force_login(User.objects.create_superuser("root"))
    for value in [value for field, value in KEPT_OUT if field == wire]:
        form = {"title": "x", "categories": "[]", "related": "{}", "sales_rank": "{}"}
        text = value if isinstance(value, str) else json.dumps(value)
        page = client.post(f"/admin/catalog/product/{pen.pk}/change/", form | {column: text})
        assert page.status_code == 200
        assert list(page.context["adminform"].form.errors) == [column]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("overall", True),
        ("overall", 0),
        ("overall", "4.5"),
        ("helpful", [2, 1]),
        ("helpful", [0, 2**31]),
        ("helpful", [True, True]),
        pytest.param("unixReviewTime", int(time.time()) + 100_000, id="unixReviewTime-to come"),
        ("unixReviewTime", -1),
        ("reviewerID", "x" * 65),
        ("reviewerName", "x" * 201),
        ("summary", "x" * 1001),
        ("reviewText", "x" * 100_001),
    ],
)
def test_a_review_that_the_api_refuses_is_rejected(field: str, value: Any, tmp_path: Path, pen: Product) -> None:
    row = {"reviewerID": "R1", "asin": pen.asin, "overall": 5, "unixReviewTime": 1000} | {field: value}
    answer = may("clerk", "post_for_others").post("/reviews", row, format="json")
    assert (answer.status_code, list(answer.json())) == (400, [field])
    (reason,) = reasons(tmp_path, ReviewImporter, as_lines([row]))
    assert reason.startswith(f"{field}: ")


def test_a_review_that_the_api_accepts_can_be_imported(tmp_path: Path, pen: Product) -> None:
    row = {
        "reviewerID": "a/b&amp;c",
        "asin": pen.asin,
        "overall": 5,
        "helpful": [1, 2],
        "unixReviewTime": int(time.time()) + 80_000,
        "summary": "&amp",
    }
    answer = may("clerk", "post_for_others").post("/reviews", row, format="json")
    assert answer.status_code == 201
    assert import_reviews(tmp_path, as_lines([answer.json()])) == Counts(read=1, unchanged=1)
