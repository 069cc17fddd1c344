"""Each kind of row, and its result in the database."""

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.importers.importer import Counts
from catalog.importers.rejections import Location
from catalog.models import Product, Review
from tests.catalog.importing import import_products, import_reviews, review

pytestmark = pytest.mark.django_db


def test_products_of_the_original_service(tmp_path: Path) -> None:
    text = (
        ",asin,title,description,imUrl,related,salesRank,categories,brand,price\n"
        "0,0000000007,Pens &amp; more,\"Two\nlines\",http://shop.example/p.jpg,\"{'also_bought': ['P2', 'P3']}\","
        "{'Office Products': 12},\"[['Office Products', 'Pens'], ['Other']]\",Ink &amp; Co,9.5\n"
    )
    assert import_products(tmp_path, text) == Counts(read=1, created=1)
    product = Product.objects.get(asin="0000000007")
    assert (product.title, product.description, product.brand) == ("Pens & more", "Two\nlines", "Ink & Co")
    assert (product.im_url, float(product.price or 0)) == ("http://shop.example/p.jpg", 9.5)
    assert product.related == {"also_bought": ["P2", "P3"]}
    assert product.sales_rank == {"Office Products": 12}
    assert (product.categories, product.leaf_category) == (["Office Products", "Pens"], "Pens")


def test_products_of_the_short_csv(tmp_path: Path) -> None:
    text = "Product ID,Description,price,Category\nP1,Cable 1/4&quot;,7.09,Cables\nP2,Strap,0.0,Straps\n"
    assert import_products(tmp_path, text).created == 2
    cable, strap = Product.objects.order_by("asin")
    assert (cable.title, cable.description, cable.leaf_category) == ('Cable 1/4"', "", "Cables")
    assert strap.price == 0


def test_products_of_2014_as_python_literals(tmp_path: Path) -> None:
    text = (
        "{'asin': 'P1', 'title': 'It\\'s a pen', 'price': nan, 'categories': [['Office', 'Pens']], 'salesRank': {}}\n"
    )
    assert import_products(tmp_path, text).created == 1
    product = Product.objects.get()
    assert (product.title, product.price, product.leaf_category) == ("It's a pen", None, "Pens")


def test_products_of_2018(tmp_path: Path) -> None:
    first = {
        "asin": "P1",
        "category": ["Gift Cards", "Gift Cards", "Restaurants"],
        "description": ["One.", "", "Two."],
        "title": "Card",
        "also_buy": ["P2"],
        "also_view": [],
        "brand": "Diner",
        "rank": [">#1,234 in Gift Cards (See Top 100 in Gift Cards)"],
        "price": "$1,000.00",
        "imageURL": ["https://shop.example/small.jpg"],
        "imageURLHighRes": ["https://shop.example/large.jpg"],
    }
    junk = {"asin": "P2", "title": "Junk", "rank": "", "price": ".a-box-inner{background-color:#fff}", "imageURL": []}
    assert import_products(tmp_path, json.dumps(first) + "\n" + json.dumps(junk)).created == 2
    card, other = Product.objects.order_by("asin")
    assert (card.description, str(card.price), card.categories) == (
        "One.  Two.",
        "1000.00",
        ["Gift Cards", "Restaurants"],
    )
    assert (card.related, card.sales_rank) == ({"also_bought": ["P2"]}, {"Gift Cards": 1234})
    assert card.im_url == "https://shop.example/large.jpg"
    assert other.price is None


def test_products_of_2023(tmp_path: Path) -> None:
    fields = {
        "parent_asin": "P1",
        "main_category": "Office Products",
        "title": "Pen",
        "average_rating": 4.5,
        "rating_number": 12,
        "description": ["A pen."],
        "price": "9.99",
        "images": [{"thumb": "https://shop.example/t.jpg", "large": "https://shop.example/l.jpg", "hi_res": None}],
        "store": "Inkwell",
        "categories": [],
        "details": {"Color": "Blue"},
        "bought_together": None,
    }
    assert import_products(tmp_path, json.dumps(fields)).created == 1
    product = Product.objects.get()
    assert (product.brand, product.leaf_category, product.im_url) == (
        "Inkwell",
        "Office Products",
        "https://shop.example/l.jpg",
    )


def test_an_empty_value_does_not_erase_and_a_new_one_replaces(tmp_path: Path) -> None:
    header = "asin,title,brand,price\n"
    import_products(tmp_path, header + "P1,Pen,Inkwell,2.50\n")
    assert import_products(tmp_path, header + "P1,Gel pen,,\n") == Counts(read=1, updated=1)
    product = Product.objects.get()
    assert (product.title, product.brand, float(product.price or 0)) == ("Gel pen", "Inkwell", 2.5)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"title": "no id"}', "asin: missing"),
        ('{"asin": "no spaces"}', "asin: not 1 to 255 letters, digits or . _ -"),
        ('{"asin": 12}', "asin: a number; write it as text, which keeps leading zeros"),
        ('{"asin": 1.5}', "asin: not 1 to 255 letters, digits or . _ -"),
        ('{"asin": "P1", "title": "' + "x" * 1001 + '"}', "title: longer than 1000 characters"),
        ('{"asin": "P1", "title": "nul \\u0000"}', "title: holds a NUL or half a character"),
        ('{"asin": "P1", "title": {"a": 1}}', "title: not text"),
        ('{"asin": "P1", "salesRank": {"nul \\u0000": 1}}', "salesRank: holds a NUL or half a character"),
        ("{'asin': 'P1', 'related': {'\\ud800': ['P2']}}", "related: holds a NUL or half a character"),
        ("[1, 2]\n", None),
        ('{"asin": "P1"', "neither JSON nor a Python literal"),
        ('{"asin": ' * 5000, "neither JSON nor a Python literal"),
        ("{'asin': __import__('os').system('true')}", "neither JSON nor a Python literal"),
    ],
)
def test_it_says_why_a_product_cannot_be_used(text: str, reason: str | None, tmp_path: Path) -> None:
    rejected: list[tuple[Location, str]] = []
    fine = '{"asin": "OK"}\n'
    counts = import_products(tmp_path, fine + text + "\n", reject=lambda place, why: rejected.append((place, why)))
    assert counts == Counts(read=2, created=1, rejected=1)
    assert rejected == [(Location(str(tmp_path / "0.txt"), 2), reason or "not an object")]


def test_reviews_of_2014(tmp_path: Path, pen: Product) -> None:
    text = (
        "reviewerID,asin,reviewerName,helpful,reviewText,overall,summary,unixReviewTime,reviewTime\r\n"
        'R1,0000000001,"A ""B""","[13, 14]","It&#39;s, fine",5.0,Good,1363392000,"03 16, 2013"\r\n'
    )
    assert import_reviews(tmp_path, text) == Counts(read=1, created=1)
    made = Review.objects.get()
    assert (made.reviewer_name, made.review_text, made.overall) == ('A "B"', "It's, fine", 5)
    assert (made.helpful_votes, made.total_votes, made.review_time) == (13, 14, "03 16, 2013")


def test_reviews_of_2018(tmp_path: Path, pen: Product) -> None:
    text = review(asin=pen.asin, verified=True, vote="1,024", style={"Color:": "Blue"}, unixReviewTime=1529193600)
    assert import_reviews(tmp_path, text).created == 1
    assert (Review.objects.get().helpful_votes, Review.objects.get().total_votes) == (1024, 1024)
    assert Review.objects.get().verified


def test_reviews_of_2023(tmp_path: Path, pen: Product) -> None:
    fields = {
        "rating": 4.0,
        "title": "Nice",
        "text": "Writes well.",
        "images": [],
        "asin": "VARIANT1",
        "parent_asin": pen.asin,
        "user_id": "U1",
        "timestamp": 1588687728923,
        "helpful_vote": 2,
        "verified_purchase": True,
    }
    assert import_reviews(tmp_path, json.dumps(fields)).created == 1
    made = Review.objects.get()
    assert (made.reviewer_id, made.product_id, made.overall, made.summary) == ("U1", pen.asin, 4, "Nice")
    assert (made.unix_review_time, made.verified) == (1588687728, True)


def test_a_day_is_accepted_as_a_time(tmp_path: Path, pen: Product) -> None:
    import_reviews(tmp_path, review(asin=pen.asin, unixReviewTime=None, reviewTime="02 8, 2014"))
    assert Review.objects.get().unix_review_time == 1_391_817_600


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
@pytest.mark.parametrize("files", [1, 2])
def test_the_newest_of_two_reviews_wins(order: tuple[int, int], files: int, tmp_path: Path, pen: Product) -> None:
    texts = [review(asin=pen.asin, unixReviewTime=time, overall=time) for time in order]
    counts = import_reviews(tmp_path, *(["".join(texts)] if files == 1 else texts))
    assert Review.objects.get().overall == 2
    assert (counts.read, counts.created) == (2, 1)
    pen.refresh_from_db()
    assert (pen.review_count, pen.rating_total) == (1, 2)


def test_an_older_file_does_not_undo_a_newer_one(tmp_path: Path, pen: Product) -> None:
    import_reviews(tmp_path, review(asin=pen.asin, unixReviewTime=2000, overall=2))
    assert import_reviews(tmp_path, review(asin=pen.asin, unixReviewTime=1000, overall=1)) == Counts(
        read=1, unchanged=1
    )
    assert import_reviews(tmp_path, review(asin=pen.asin, unixReviewTime=3000, overall=3)) == Counts(read=1, updated=1)
    assert Review.objects.get().overall == 3


def test_a_second_run_changes_nothing(tmp_path: Path, pen: Product) -> None:
    text = "".join(review(asin=pen.asin, reviewerID=f"R{n}", reviewText="a\tb\\N\n\\.\n") for n in range(50))
    assert import_reviews(tmp_path, text) == Counts(read=50, created=50)
    assert import_reviews(tmp_path, text) == Counts(read=50, unchanged=50)
    assert Review.objects.first().review_text == "a\tb\\N\n\\."  # type: ignore[union-attr]


def test_a_review_of_an_unknown_product_is_rejected_or_creates_it(tmp_path: Path) -> None:
    rejected: list[tuple[Location, str]] = []
    text = review(asin="NEW")
    counts = import_reviews(tmp_path, text, reject=lambda place, why: rejected.append((place, why)))
    assert counts == Counts(read=1, rejected=1)
    assert [why for _, why in rejected] == ["asin: there is no product NEW"]
    assert import_reviews(tmp_path, text, create_products=True) == Counts(read=1, created=1)
    product = Product.objects.get()
    assert (product.asin, product.title, product.review_count) == ("NEW", "", 1)


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path) -> None:
    assert import_reviews(tmp_path, review(), create_products=True, dry_run=True) == Counts(read=1, created=1)
    assert not Product.objects.exists()
    assert not Review.objects.exists()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"reviewerID": ""}, "reviewerID: missing"),
        ({"overall": 6}, "overall: not one of 1, 2, 3, 4, 5"),
        ({"overall": "4.5"}, "overall: not one of 1, 2, 3, 4, 5"),
        ({"overall": None}, "overall: not a number"),
        ({"helpful": [3, 2]}, "helpful: not 0 ≤ helpful votes ≤ all votes"),
        ({"helpful": "[a, b]"}, "helpful: not [helpful votes, all votes]"),
        ({"unixReviewTime": "soon"}, "unixReviewTime: missing or not a number"),
        ({"unixReviewTime": -1}, "unixReviewTime: not a time between 1970 and 2106"),
        ({"unixReviewTime": None, "reviewTime": "yesterday"}, "reviewTime: not a day such as 2014-02-08 or 02 8, 2014"),
        ({"reviewText": "\ud800"}, "reviewText: holds a NUL or half a character"),
    ],
)
def test_it_says_why_a_review_cannot_be_used(fields: dict[str, Any], reason: str, tmp_path: Path, pen: Product) -> None:
    rejected: list[str] = []
    text = review(**{"asin": pen.asin} | fields)
    counts = import_reviews(tmp_path, text, reject=lambda place, why: rejected.append(why))
    assert counts == Counts(read=1, rejected=1)
    assert rejected == [reason]
