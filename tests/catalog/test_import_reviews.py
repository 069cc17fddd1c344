"""Fields of a review in each shape of files."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from catalog.importers.importer import Counts
from catalog.importers.reviews import ReviewImporter
from catalog.models import Product, Review
from tests.catalog.importing import as_lines, import_reviews, reasons, review, review_of_row

pytestmark = pytest.mark.django_db

DAY = 86_400


def test_2018_reviews_that_pandas_wrote_to_csv(tmp_path: Path, pen: Product) -> None:
    text = (
        "overall,vote,verified,reviewTime,reviewerID,asin,style,reviewerName,reviewText,summary,unixReviewTime\n"
        f"5.0,12.0,True,\"09 13, 2009\",R1,{pen.asin},{{'Format:': 'Hardcover'}},A,Fine,Fine,1252800000\n"
        f'4.0,,True,"09 14, 2009",R2,{pen.asin},,,,Nice,1252886400.0\n'
        f'4.0,nan,True,"09 14, 2009",R3,{pen.asin},,nan,None,NULL,nan\n'
    )
    assert import_reviews(tmp_path, text) == Counts(read=3, created=3)
    first, second, third = Review.objects.order_by("reviewer_id")
    assert (first.helpful_votes, first.total_votes, first.overall) == (12, 12, 5)
    assert (second.total_votes, second.review_text, second.unix_review_time) == (0, "", 1252886400)
    assert (third.reviewer_name, third.review_text, third.summary) == ("", "", "")
    assert third.unix_review_time == 1252886400


@pytest.mark.parametrize("when", ["2020-05-04 18:10:55.070", 1588615855070, "1588615855070", 1588615855.07])
def test_2023_reviews_with_any_timestamp(when: Any, tmp_path: Path) -> None:
    row = {"rating": "5", "title": "Fine", "text": "Works.", "asin": "V1", "parent_asin": "P1", "user_id": "U1"}
    made = review_of_row(tmp_path, row | {"timestamp": when, "helpful_vote": "3", "images": "[]"})
    assert (made.product_id, made.unix_review_time, made.helpful_votes) == ("P1", 1588615855, 3)


@pytest.mark.parametrize(
    ("votes", "read"), [("[13 14]", (13, 14)), ((1, 2), (1, 2)), ("1,024", (1024, 1024)), (" [3, 4] ", (3, 4))]
)
def test_every_spelling_of_votes_is_read(votes: Any, read: tuple[int, int], tmp_path: Path) -> None:
    made = review_of_row(
        tmp_path, {"reviewerID": "R1", "asin": "P1", "overall": 5, "unixReviewTime": 1, "helpful": votes}
    )
    assert (made.helpful_votes, made.total_votes) == read


@pytest.mark.parametrize("reviewer", ["a&copy1", "a&amp;b", "a/b", "R 1", "0012"])
def test_a_reviewer_id_is_stored_unchanged(reviewer: str, tmp_path: Path) -> None:
    fields = {"reviewerID": reviewer, "asin": "P1", "overall": 5, "unixReviewTime": 1}
    assert review_of_row(tmp_path, fields).reviewer_id == reviewer


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"rating": True, "overall": None}, "overall: not a number"),
        ({"overall": True}, "overall: not a number"),
        ({"overall": "five"}, "overall: not a number"),
        ({"overall": "nan"}, "overall: not a number"),
        ({"overall": "9" * 400}, "overall: not one of 1, 2, 3, 4, 5"),
        ({"helpful": 12.5}, "helpful: not [helpful votes, all votes]"),
        ({"helpful": [True, True]}, "helpful: not [helpful votes, all votes]"),
        ({"helpful": [1, 2, 3]}, "helpful: not [helpful votes, all votes]"),
        ({"helpful": "9" * 400}, "helpful: not [helpful votes, all votes]"),
        ({"unixReviewTime": "9" * 400}, "unixReviewTime: missing or not a number"),
        ({"unixReviewTime": True}, "unixReviewTime: missing or not a number"),
        ({"unixReviewTime": "NaT"}, "unixReviewTime: missing or not a number"),
        ({"unixReviewTime": "0001-01-01"}, "unixReviewTime: not a time between 1970 and 2106"),
        ({"reviewerID": "None"}, "reviewerID: missing"),
        ({"reviewerID": {"a": 1}}, "reviewerID: not text"),
    ],
)
def test_it_says_why_a_value_is_refused(fields: dict[str, Any], reason: str, tmp_path: Path, pen: Product) -> None:
    assert reasons(tmp_path, ReviewImporter, review(**{"asin": pen.asin} | fields)) == [reason]


@pytest.mark.parametrize("number", ["9" * 400, "0x" + "1" * 4000, "-1", "1e400"])
def test_no_number_ends_an_import(number: str, tmp_path: Path, pen: Product) -> None:
    names = ["overall", "helpful", "unixReviewTime", "reviewerName", "reviewText", "summary", "reviewerID", "asin"]
    fine = {"reviewerID": "R1", "asin": pen.asin, "overall": 5, "unixReviewTime": 1}
    lines = [
        "{"
        + ", ".join(f"'{key}': {number if key == name else repr(value)}" for key, value in (fine | {name: 0}).items())
        + "}\n"
        for name in names
    ]
    counts = import_reviews(tmp_path, "".join(lines) + repr(fine | {"reviewerID": "R2"}))
    assert counts.read == 9
    assert Review.objects.filter(reviewer_id="R2").exists()


def test_a_time_more_than_a_day_ahead_is_rejected(tmp_path: Path, pen: Product) -> None:
    now = int(time.time())
    late = review(asin=pen.asin, unixReviewTime=now + DAY + 60)
    assert reasons(tmp_path, ReviewImporter, late) == ["unixReviewTime: in the future"]
    assert import_reviews(tmp_path, review(asin=pen.asin, unixReviewTime=now + DAY - 60)).created == 1


def test_a_stored_time_of_the_future_can_be_corrected(tmp_path: Path, pen: Product) -> None:
    fields = {"reviewer_id": "R1", "product": pen, "overall": 1}
    Review.objects.create(**fields, unix_review_time=4_102_444_800)
    assert import_reviews(tmp_path, review(asin=pen.asin, unixReviewTime=1_410_244_480)).updated == 1
    assert Review.objects.get().unix_review_time == 1_410_244_480


@pytest.mark.parametrize("files", [1, 2])
def test_ratings_alone_do_not_erase_texts_and_votes(files: int, tmp_path: Path, pen: Product) -> None:
    whole = review(asin=pen.asin, reviewText="Fine.", summary="Good", reviewerName="Anna", helpful=[3, 4])
    rating = review(asin=pen.asin, overall=2)
    import_reviews(tmp_path, *([whole + rating] if files == 1 else [whole, rating]))
    stored = Review.objects.get()
    assert (stored.review_text, stored.summary, stored.reviewer_name) == ("Fine.", "Good", "Anna")
    assert (stored.helpful_votes, stored.total_votes, stored.overall) == (3, 4, 2)


def test_newer_votes_replace_both_counts(tmp_path: Path, pen: Product) -> None:
    import_reviews(tmp_path, review(asin=pen.asin, helpful=[3, 4]), review(asin=pen.asin, helpful=[0, 2]))
    assert (Review.objects.get().helpful_votes, Review.objects.get().total_votes) == (0, 2)


@pytest.mark.parametrize("indent", [None, 1])
def test_each_row_of_a_line_is_rejected_for_itself(indent: int | None, tmp_path: Path, pen: Product) -> None:
    rows = [
        {"reviewerID": f"R{n}", "asin": asin, "overall": 5, "unixReviewTime": 1}
        for n, asin in enumerate([pen.asin, "GONE", pen.asin, "GONE"])
    ]
    assert import_reviews(tmp_path, json.dumps(rows, indent=indent)) == Counts(read=4, created=2, rejected=2)


def test_numbers_are_accepted_as_text(tmp_path: Path) -> None:
    fields = {"reviewerID": 12, "asin": "P1", "overall": 5, "unixReviewTime": 1, "summary": 10, "reviewText": 1.5}
    made = review_of_row(tmp_path, fields)
    assert (made.reviewer_id, made.summary, made.review_text) == ("12", "10", "1.5")
    assert reasons(tmp_path, ReviewImporter, as_lines([fields | {"summary": True}])) == ["summary: not text"]


@pytest.mark.parametrize(
    "fields", ["'unixReviewTime': b''", "'reviewTime': b'02 8, 2014'", "'unixReviewTime': {1}", "'reviewTime': 2015"]
)
def test_a_time_that_is_no_text_rejects_its_row(fields: str, tmp_path: Path) -> None:
    (reason,) = reasons(tmp_path, ReviewImporter, f"{{'reviewerID': 'R1', 'asin': 'P1', 'overall': 5, {fields}}}\n")
    assert "Time: " in reason


@pytest.mark.parametrize("number", ["1e999", "18446744073709551616"])
def test_a_number_with_lost_digits_is_not_text(number: str, tmp_path: Path) -> None:
    row = f'{{"reviewerID": {number}, "asin": "P1", "overall": 5, "unixReviewTime": 1}}\n'
    assert reasons(tmp_path, ReviewImporter, row) == ["reviewerID: not text"]


@pytest.mark.parametrize("day", [1440979200000, 1440979200.0, 20150831, "20150831", "2015-08-31", "08 31, 2015"])
def test_every_spelling_of_a_day_is_read(day: Any, tmp_path: Path) -> None:
    fields = {"customer_id": 12.0, "product_id": "P1", "star_rating": 5, "review_date": day}
    made = review_of_row(tmp_path, fields)
    assert (made.reviewer_id, made.unix_review_time) == ("12", 1440979200)


@pytest.mark.parametrize("stars", ["4", "4.0", "4,0", " 4 ", 4, 4.0])
def test_every_spelling_of_stars_is_read(stars: Any, tmp_path: Path) -> None:
    fields = {"reviewerID": "R1", "asin": "P1", "overall": stars, "unixReviewTime": 1}
    assert review_of_row(tmp_path, fields).overall == 4
