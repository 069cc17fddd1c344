import json
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from catalog.models import Product, Review

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.fixture
def reviews(pen: Product, products: list[Product], review_of: Callable[..., Review]) -> None:
    for n in range(6):
        review_of(f"R{n}", 5 if n % 2 else 2)
        review_of(f"R{n}", 4, products[0])


def form_of(product: Product, **changed: object) -> dict[str, object]:
    fields = {"title": product.title, "description": "", "im_url": "", "brand": "", "price": ""}
    shown = {"is_listed": "on", "in_stock": "on"}
    jsons = {"categories": "[]", "related": "{}", "sales_rank": "{}"}
    return fields | shown | jsons | changed


def test_the_product_list_shows_ratings_without_a_query_per_row(
    boss: Client, reviews: None, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    # session, user, two filters, bounded count, rows
    with django_assert_max_num_queries(6):
        page = boss.get("/admin/catalog/product/").content.decode()
    assert "Gel pen, blue" in page
    assert "3.50" in page
    assert 'src="https://shop.example/pen.svg"' in page
    assert '?product__asin__exact=0000000001">6</a>' in page


@pytest.mark.parametrize(
    ("query", "found"),
    [("q=gel", True), ("q=00000", True), ("q=stapler", False), ("category=Pens", True), ("brand=None", False)],
)
def test_products_are_searched_and_filtered(query: str, found: bool, boss: Client, pen: Product) -> None:
    assert ("Gel pen, blue" in boss.get(f"/admin/catalog/product/?{query}").content.decode()) is found


def test_products_sort_by_rating(boss: Client, reviews: None) -> None:
    page = boss.get("/admin/catalog/product/?o=-5").content.decode()
    assert page.index("Product 0") < page.index("Gel pen, blue")


def test_the_product_page_shows_its_latest_reviews_and_saves(boss: Client, reviews: None, pen: Product) -> None:
    url = f"/admin/catalog/product/{pen.pk}/change/"
    page = boss.get(url).content.decode()
    assert page.count("/admin/catalog/review/") >= 6
    form = form_of(pen, title="Gel pen, red", categories='["Office", "Gel pens"]')
    assert boss.post(url, form).status_code == 302
    pen.refresh_from_db()
    assert (pen.title, pen.leaf_category, pen.asin, pen.review_count) == ("Gel pen, red", "Gel pens", "0000000001", 6)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("categories", "{}x"),
        ("categories", '{"a": 1}'),
        ("categories", "[1.5, []]"),
        ("related", '["P1"]'),
        ("related", '{"also_bought": ["not an asin"]}'),
        ("sales_rank", '{"Office": "first"}'),
        ("im_url", "javascript:alert(1)"),
        ("price", "-1"),
    ],
)
def test_a_field_that_cannot_be_used_is_an_error_at_the_field(
    field: str, value: str, boss: Client, pen: Product
) -> None:
    response = boss.post(f"/admin/catalog/product/{pen.pk}/change/", form_of(pen, **{field: value}))
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [field]


def test_a_product_is_added(boss: Client) -> None:
    form = {"asin": "D1", "title": "Pad", "categories": json.dumps(["Paper"]), "related": "{}", "sales_rank": "{}"}
    assert boss.post("/admin/catalog/product/add/", form).status_code == 302
    assert Product.objects.get().leaf_category == "Paper"


def test_deleting_a_product_says_how_many_reviews_go_with_it(boss: Client, reviews: None, pen: Product) -> None:
    url = f"/admin/catalog/product/{pen.pk}/delete/"
    page = boss.get(url).content.decode()
    assert "Reviews: 6" in page
    assert "R3 on" not in page
    assert boss.post(url, {"post": "yes"}).status_code == 302
    assert Review.objects.count() == 6


def test_the_review_list_stops_counting_at_the_limit(
    boss: Client, reviews: None, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr("service.admin.COUNTED", 5)
    # session, user, bounded count, rows
    with django_assert_max_num_queries(4) as captured:
        page = boss.get("/admin/catalog/review/").content.decode()
    assert "more than 5 reviews" in page
    assert "COUNT(" not in "".join(query["sql"].upper() for query in captured.captured_queries)


@pytest.mark.parametrize(("query", "rows"), [("q=R3", 2), ("q=0000000001", 6), ("q=R", 0), ("overall__exact=2", 3)])
def test_reviews_are_searched_and_filtered(query: str, rows: int, boss: Client, reviews: None) -> None:
    response = boss.get(f"/admin/catalog/review/?{query}")
    assert len(response.context["cl"].result_list) == rows


def test_a_deleted_review_leaves_the_rating_right(boss: Client, reviews: None, pen: Product) -> None:
    review = Review.objects.filter(product=pen, overall=2).first()
    assert review
    assert boss.post(f"/admin/catalog/review/{review.pk}/delete/", {"post": "yes"}).status_code == 302
    pen.refresh_from_db()
    assert (pen.review_count, pen.rating_total) == (5, 19)


def test_only_staff_may_enter(client: Client) -> None:
    client.force_login(User.objects.create_user("anna"))
    assert client.get("/admin/catalog/product/").status_code == 302


def test_a_review_leads_to_its_product_and_has_a_date(
    boss: Client, reviews: None, pen: Product, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    review = Review.objects.filter(product=pen).first()
    assert review
    Review.objects.filter(pk=review.pk).update(unix_review_time=1_391_868_061)
    # session, user, bounded count, rows
    with django_assert_max_num_queries(4):
        page = boss.get("/admin/catalog/review/").content.decode()
    assert f'<a href="/admin/catalog/product/{pen.pk}/change/">{pen.asin}</a>' in page
    assert "2014-02-08" in page
    page = boss.get(f"/admin/catalog/review/{review.pk}/change/").content.decode()
    assert "2014-02-08 14:01:01 UTC" in page
    assert "1391868061" not in page


def test_the_last_page_of_a_list_that_goes_on_says_how_to_see_the_rest(
    boss: Client, reviews: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.admin.ReviewAdmin.list_per_page", 5)
    ends = "The list ends here, after {} rows, but there are more."
    for counted, page, is_said in ((10, 1, False), (10, 2, True), (12, 3, False)):
        monkeypatch.setattr("service.admin.COUNTED", counted)
        shown = boss.get(f"/admin/catalog/review/?p={page}").content.decode()
        assert (ends.format(counted) in shown) is is_said
        assert ("more than" in shown) is (counted < 12)
