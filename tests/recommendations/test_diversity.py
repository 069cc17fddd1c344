"""Lists do not repeat themselves: in units, in the API and in the evaluation."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from catalog.models import Product, Review
from recommendations.diversity import Diversity, are_near_duplicates, words_of
from recommendations.evaluation.variety import Variety, gini

PRINTERS = [f"Laser printer model{number}" for number in range(12)]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Gel pens, blue, 12 pack", "Gel Pens - Black - 12 Pack", True),
        ("Laser printer HL-2270", "Laser printer HL-2270", True),
        ("Laser printer model1", "Laser printer model2", False),
        ("", "", False),
        ("?", "!", False),
    ],
)
def test_titles_with_almost_the_same_words_are_near_duplicates(one: str, other: str, alike: bool) -> None:
    assert are_near_duplicates(words_of(one), words_of(other)) is alike


@pytest.mark.parametrize(("limit", "admitted"), [(1, 3), (10, 3), (11, 4), (20, 6), (100, 12)])
def test_a_leaf_category_has_three_places_in_ten(limit: int, admitted: int) -> None:
    diversity = Diversity(limit, 3)
    assert [diversity.admit("Printers", title) for title in PRINTERS].count(True) == admitted


@pytest.mark.parametrize("leaf", ["", "Printers"])
def test_the_wanted_category_and_no_category_have_no_cap(leaf: str) -> None:
    diversity = Diversity(10, 3, unlimited="Printers")
    assert all(diversity.admit(leaf, title) for title in PRINTERS)


def test_what_was_refused_takes_no_place() -> None:
    diversity = Diversity(10, 1)
    assert diversity.admit("Pens", "Red pen")
    assert not diversity.admit("Pens", "Green crayon")
    assert diversity.admit("Crayons", "Green crayon")


def test_the_variety_of_known_lists() -> None:
    varied = Variety({0: ("Pens", "Red pen"), 1: ("Pens", "red PEN"), 2: ("Ink", "Ink"), 3: ("", "")})
    for products in ([0, 1, 2, 3], [0, 2], []):
        varied.add(products)
    assert varied.near_duplicates == [True, False, False]
    assert varied.same_leaf == [0.5, 0.5, 0]


@pytest.mark.parametrize(("counts", "expected"), [([2, 2, 2, 2], 0), ([0, 0, 0, 8], 0.75), ([0, 0], 0), ([1, 3], 0.25)])
def test_gini_tells_how_unequal_counts_are(counts: list[int], expected: float) -> None:
    assert gini(counts) == pytest.approx(expected)


@pytest.fixture
def shop(transactional_db: None) -> None:
    """Twelve printers, ten pens, eight inks and two lamps; zoe and others have reviewed printers only."""
    for number, title in enumerate(PRINTERS):
        Product.objects.create(asin=f"PRINTER{number}", title=title, categories=["Office", "Printers"])
    for leaf, count in (("Pens", 10), ("Ink", 8), ("Lamps", 2)):
        for number in range(count):
            Product.objects.create(asin=f"{leaf}{number}", title=f"{leaf} sort{number}", categories=["Office", leaf])
    for reviewer in range(8):
        for number in range(12):
            review(f"r{reviewer}", f"PRINTER{number}", number)
    review("zoe", "PRINTER0", 1)
    call_command("build_recommendations", verbosity=0)


def review(reviewer: str, asin: str, day: int) -> None:
    Review.objects.create(reviewer_id=reviewer, product_id=asin, overall=5, unix_review_time=day * 86_400)


def leaves(client: Client, path: str, **body: Any) -> list[str]:
    response = client.post(path, body, content_type="application/json") if body else client.get(path)
    assert response["X-Data-Source"] == "live"
    return [each["categories"][-1] for each in response.json()]


def test_a_reviewer_of_a_printer_is_not_shown_ten_more(client: Client, shop: None) -> None:
    path = "/reviewers/zoe/recommendations"
    assert Counter(leaves(client, path))["Printers"] == 3
    assert Counter(leaves(client, "/recommendations", asins=["PRINTER0"]))["Printers"] == 3
    assert leaves(client, f"{path}?diverse=false") == ["Printers"] * 10
    assert Counter(leaves(client, "/recommendations", asins=["PRINTER0"], diverse=False))["Printers"] == 10


def test_the_setting_lifts_the_cap(client: Client, shop: None, settings: Any) -> None:
    weights = settings.RECOMMENDATION_WEIGHTS
    settings.RECOMMENDATION_WEIGHTS = type(weights)(most_of_a_leaf=10)
    assert leaves(client, "/reviewers/zoe/recommendations") == ["Printers"] * 10


def test_refused_products_come_last_if_there_are_no_others(client: Client, shop: None) -> None:
    found = leaves(client, "/reviewers/zoe/recommendations?limit=31")
    assert len(found) == 31  # all but the printer that zoe has reviewed
    assert Counter(found)["Printers"] == 11


def test_the_category_that_is_asked_for_has_no_cap(client: Client, shop: None) -> None:
    assert leaves(client, "/reviewers/zoe/recommendations?category=Printers") == ["Printers"] * 10


def test_products_like_one_may_all_be_of_its_category(client: Client, shop: None) -> None:
    assert leaves(client, "/products/PRINTER0/recommendations") == ["Printers"] * 10


def test_a_near_duplicate_comes_after_other_products(client: Client, shop: None) -> None:
    Product.objects.filter(asin="PRINTER3").update(title="Laser printer, model2")
    found = [each["asin"] for each in client.get("/products/PRINTER0/recommendations?limit=31").json()]
    assert len(found) == 31
    assert found.index("PRINTER3") == 30
    first = [each["asin"] for each in client.get("/products/PRINTER0/recommendations?diverse=false").json()]
    assert "PRINTER3" in first


@pytest.mark.django_db(transaction=True)
def test_default_lists_do_not_repeat_themselves_either(
    client: Client, shop: None, lose_database: Callable[[], None]
) -> None:
    leaves(client, "/recommendations/popular")
    lose_database()

    def default(path: str) -> list[str]:
        response = client.get(path)
        assert response["X-Data-Source"] == "default"
        return [each["categories"][-1] for each in response.json()]

    assert Counter(default("/reviewers/new/recommendations"))["Printers"] == 3
    assert default("/reviewers/new/recommendations?diverse=false") == ["Printers"] * 10
    assert default("/reviewers/new/recommendations?category=Printers") == ["Printers"] * 10
    assert Counter(default("/reviewers/new/recommendations?limit=32"))["Printers"] == 12
