"""The browsable API has forms for users who may write, and for nobody else."""

import re
from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from catalog.models import Product

pytestmark = pytest.mark.django_db


def page(client: APIClient, path: str) -> str:
    response = client.get(path, headers={"accept": "text/html"})
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.mark.parametrize("path", ["/products", "/products/0000000001", "/reviews", "/products/0000000001/reviews"])
def test_an_anonymous_reader_gets_no_form(anybody: APIClient, pen: Product, path: str) -> None:
    shown = page(anybody, path)
    assert 'method="POST"' not in shown
    assert "DELETE" not in shown.replace("GET, PUT, PATCH, DELETE", "")


def test_a_user_gets_the_form_of_reviews_only(shopper: APIClient, pen: Product) -> None:
    assert 'name="reviewText"' in page(shopper, "/reviews")
    assert 'name="title"' not in page(shopper, "/products")
    assert 'name="title"' not in page(shopper, "/products/0000000001")


def test_staff_gets_the_forms_of_products_filled_in(staff: APIClient, pen: Product) -> None:
    assert 'name="title"' in page(staff, "/products")
    shown = page(staff, "/products/0000000001")
    assert 'value="Gel pen, blue"' in shown
    assert "&quot;also_bought&quot;: [" in shown
    assert "DELETE" in shown


def test_a_form_that_cannot_show_a_field_does_not_empty_it(staff: APIClient, pen: Product) -> None:
    form = {"asin": pen.asin, "title": "Gel pen, red", "description": "", "imUrl": "", "brand": "Inkwell", "price": ""}
    response = staff.put("/products/0000000001", form, format="multipart")
    assert response.status_code == 200
    assert response.json()["price"] is None
    pen.refresh_from_db()
    assert (pen.title, pen.related, pen.categories[-1]) == ("Gel pen, red", {"also_bought": ["D0PAPER001"]}, "Pens")


def test_a_review_by_form_needs_only_what_it_asks_for(shopper: APIClient, pen: Product) -> None:
    form = {"asin": pen.asin, "overall": "4", "reviewerID": "", "reviewText": "", "summary": "", "unixReviewTime": ""}
    response = shopper.post("/reviews", form, format="multipart")
    assert response.status_code == 201
    assert response.json()["reviewerID"] == "anna"
    assert response.json()["unixReviewTime"] > 1_700_000_000


def test_the_page_says_where_its_answer_came_from(
    anybody: APIClient, pen: Product, lose_database: Callable[[], None]
) -> None:
    assert '<b>X-Data-Source:</b> <span class="lit">live</span>' in page(anybody, "/products")
    lose_database()
    shown = page(anybody, "/products")
    assert '<span class="lit">stale</span>' in shown
    assert "<b>Age:</b>" in shown


@pytest.mark.parametrize("path", ["/products", "/products/0000000001", "/reviews"])
def test_pages_have_no_forms_while_permissions_cannot_be_read(
    staff: APIClient, pen: Product, lose_database: Callable[[], None], path: str
) -> None:
    lose_database()
    assert 'name="title"' not in page(staff, path)
    assert staff.options(path).status_code == 200


def test_it_has_the_services_name(anybody: APIClient) -> None:
    shown = page(anybody, "/products")
    assert "<title>Product List · Recommender</title>" in shown
    assert "Django REST framework" not in shown


def test_it_is_made_for_telephones_and_names_its_language(anybody: APIClient) -> None:
    shown = page(anybody, "/products")
    assert '<html lang="en">' in shown
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in shown


def test_a_label_is_in_words_and_belongs_to_its_input(shopper: APIClient) -> None:
    shown = page(shopper, "/reviews")
    labels = dict(re.findall(r'<label for="(field-\w+)"[^>]*>\s*([^<]*?)\s*</label>', shown))
    assert labels == {
        "field-reviewerID": "Reviewer ID",
        "field-asin": "ASIN",
        "field-reviewerName": "Reviewer name",
        "field-reviewText": "Text",
        "field-overall": "Stars",
        "field-summary": "Summary",
        "field-unixReviewTime": "Time (seconds since 1970)",
        "field-verified": "Bought it",
    }
    assert set(re.findall(r'<(?:input|textarea|select) id="(field-\w+)" ', shown)) == set(labels)


@pytest.mark.parametrize("path", ["/products", "/products/0000000001", "/reviews"])
def test_forms_leave_lists_and_objects_to_raw_data(staff: APIClient, pen: Product, path: str) -> None:
    shown = page(staff, path)
    assert 'name="asin"' in shown
    assert "not currently supported" not in shown


def test_a_call_that_needs_a_list_has_raw_data_only(shopper: APIClient, pen: Product) -> None:
    shown = shopper.get("/recommendations", headers={"accept": "text/html"}).content.decode()
    assert 'name="_content"' in shown
    assert 'name="limit"' not in shown


def test_a_choice_that_is_false_is_shown_as_no(shopper: APIClient, staff: APIClient, pen: Product) -> None:
    def selected(shown: str, name: str) -> str:
        """What a browser selects: the option that is marked, else the first."""
        options = re.findall(r"<option[^>]*>[^<]*", shown.split(f'name="{name}"')[1].split("</select>")[0])
        found: str = next((each for each in options if " selected" in each), options[0])
        return found.rpartition(">")[2].strip()

    assert selected(page(shopper, "/reviews"), "verified") == "no"
    assert selected(page(staff, "/products"), "listed") == "yes"
    Product.objects.update(is_listed=False)
    shown = page(staff, "/products/0000000001")
    assert (selected(shown, "listed"), selected(shown, "in_stock")) == ("no", "yes")
