"""Whether a reviewer has bought the product, in files of reviews; and what an import leaves to the shop."""

from pathlib import Path
from typing import Any

import pytest

from catalog.models import Product, Review
from tests.catalog.importing import import_reviews, review, review_of_row

pytestmark = pytest.mark.django_db
YES: list[Any] = [True, "True", "true", "Y", 1, "1"]
NO: list[Any] = [False, "False", "N", 0, "0", None, "", "nan", "maybe", [], {"a": 1}]
ROW = {"reviewerID": "R1", "asin": "P1", "overall": 5, "unixReviewTime": 1}


@pytest.mark.parametrize("name", ["verified", "verified_purchase"])
@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        *((cell, True) for cell in YES),
        *((cell, False) for cell in NO),
    ],
)
def test_every_spelling_is_read(tmp_path: Path, name: str, cell: Any, expected: bool) -> None:
    assert review_of_row(tmp_path, ROW | {name: cell}).verified is expected


def test_what_cannot_be_read_is_counted_and_the_rest_is_stored(tmp_path: Path, pen: Product) -> None:
    counts = import_reviews(tmp_path, review(asin=pen.asin, verified="perhaps"))
    assert (counts.created, counts.unreadable) == (1, {"verified": 1})


@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize(("then", "expected"), [({}, True), ({"verified": None}, True), ({"verified": False}, False)])
def test_only_a_newer_review_that_says_so_changes_it(
    tmp_path: Path, pen: Product, files: int, then: dict[str, Any], expected: bool
) -> None:
    texts = [review(asin=pen.asin, verified=True), review(asin=pen.asin, unixReviewTime=2000, summary="x", **then)]
    import_reviews(tmp_path, *(["".join(texts)] if files == 1 else texts))
    assert (Review.objects.get().summary, Review.objects.get().verified) == ("x", expected)


def test_an_older_file_changes_nothing(tmp_path: Path, pen: Product) -> None:
    import_reviews(tmp_path, review(asin=pen.asin, unixReviewTime=2000))
    assert import_reviews(tmp_path, review(asin=pen.asin, verified=True)).unchanged == 1
    assert import_reviews(tmp_path, review(asin=pen.asin, unixReviewTime=2000)).unchanged == 1
    assert not Review.objects.get().verified


def test_an_import_keeps_what_the_shop_decided_and_counts_by_it(tmp_path: Path, pen: Product) -> None:
    import_reviews(tmp_path, review(asin=pen.asin), review(asin=pen.asin, reviewerID="R2"))
    Review.objects.filter(reviewer_id="R1").update(state="rejected", reply="No.")
    import_reviews(tmp_path, review(asin=pen.asin, overall=1, unixReviewTime=3000))
    kept = Review.objects.get(reviewer_id="R1")
    assert (kept.overall, kept.state, kept.reply) == (1, "rejected", "No.")
    pen.refresh_from_db()
    assert (pen.review_count, pen.rating_total) == (1, 5)
