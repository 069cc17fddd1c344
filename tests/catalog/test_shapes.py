"""Files are recognized by their columns; others get an explanation."""

from pathlib import Path

import pytest

from catalog.importers import reading
from catalog.importers.formats import UnknownFormat
from catalog.importers.products import ProductImporter
from catalog.importers.reviews import ReviewImporter
from catalog.importers.shapes import Columns

REVIEWS, PRODUCTS = ReviewImporter.columns, ProductImporter.columns


def read(file: Path, text: str, columns: Columns) -> tuple[list[object], list[str]]:
    file.write_text(text)
    told: list[str] = []
    return [fields for _, fields in reading.rows(str(file), columns, tell=told.append)], told


def test_ratings_of_2014_have_no_header(tmp_path: Path) -> None:
    text = "AREVIEWER0001,P1,5.0,978480000\nAREVIEWER0002,P2,1.0,953424000\n"
    rows, told = read(tmp_path / "ratings.csv", text, REVIEWS)
    assert rows == [
        {"reviewerID": "AREVIEWER0001", "asin": "P1", "overall": "5.0", "unixReviewTime": "978480000"},
        {"reviewerID": "AREVIEWER0002", "asin": "P2", "overall": "1.0", "unixReviewTime": "953424000"},
    ]
    assert told == ["ratings without a header: reviewerID, asin, overall, unixReviewTime"]


def test_ratings_of_2018_have_the_item_first(tmp_path: Path) -> None:
    text = "0449819906,AREVIEWER00001,5.0,1383696000\nB000000001,AREVIEWER00002,4.0,1383696001\n"
    rows, told = read(tmp_path / "ratings.csv", text, REVIEWS)
    assert rows[1] == {
        "reviewerID": "AREVIEWER00002",
        "asin": "B000000001",
        "overall": "4.0",
        "unixReviewTime": "1383696001",
    }
    assert told == ["ratings without a header: asin, reviewerID, overall, unixReviewTime"]


def test_ratings_are_not_products(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match="looks like ratings without a header, which seed_reviews reads"):
        read(tmp_path / "ratings.csv", "A1,P1,5.0,978480000\n", PRODUCTS)


def test_a_bad_row_of_ratings_is_rejected_alone(tmp_path: Path) -> None:
    text = "A1,P1,5.0,978480000\n" * 30 + "A2,P1,5.0\n" + "A3,P1,5.0,978480000\n"
    rows, _ = read(tmp_path / "ratings.csv", text, REVIEWS)
    assert len(rows) == 32
    assert str(rows[30]) == "3 columns, and the header has 4"


def test_quotes_in_amazon_us_reviews_are_text(tmp_path: Path) -> None:
    header = (
        "marketplace\tcustomer_id\tproduct_id\tstar_rating\tvine\tverified_purchase\treview_headline\treview_body\n"
    )
    rows, told = read(
        tmp_path / "reviews.tsv",
        header + 'US\t1000001\tP1\t4\tN\tY\t"Good"\tFine 5" thing\nUS\t1000002\tP1\t5\tN\tY\t"\t""\n',
        REVIEWS,
    )
    assert rows == [
        dict(zip(header.split(), ["US", "1000001", "P1", "4", "N", "Y", '"Good"', 'Fine 5" thing'], strict=True)),
        dict(zip(header.split(), ["US", "1000002", "P1", "5", "N", "Y", '"', '""'], strict=True)),
    ]
    assert told == ["CSV (tabs, quotes are text)"]


def test_the_products_of_shopify_are_recognised(tmp_path: Path) -> None:
    text = 'Handle,Title,Body (HTML),Vendor,Variant Price,Image Src\npen,Pen,"<p>Blue, ""gel""</p>",Ink,2.50,\n'
    rows, _ = read(tmp_path / "shopify.csv", text, PRODUCTS)
    assert rows == [
        {
            "Handle": "pen",
            "Title": "Pen",
            "Body (HTML)": '<p>Blue, "gel"</p>',
            "Vendor": "Ink",
            "Variant Price": "2.50",
            "Image Src": "",
        }
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "userId;movieId;rating\n1;2;3\n",
            r"looks like CSV \(semicolons, doubled quotes\) with the columns userId, movieId, rating; "
            r"no column for the product \(one of .*\basin, ",
        ),
        ("asin,title\nP1,One\n", r"no column for the reviewer \(one of .*\), nor for the stars \(one of "),
        (",".join(f"c{n}" for n in range(50)) + "\n", "c18, c19 and 30 more; no column"),
        ("<!doctype html>\n<html>", "looks like HTML or XML"),
        ("\n <?xml version='1.0'?>", "looks like HTML or XML"),
        ("%PDF-1.7", "looks like a PDF"),
        ("a\0s\0i\0n\0\n\0", "looks like binary, or UTF-16 without a byte order mark"),
        ("x" * 257 + "ustar", "looks like a tar archive"),
        ('"asin\n', "the first line is no CSV header, and no JSON or Python literal"),
    ],
)
def test_an_unknown_shape_is_named_with_what_it_lacks(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match=message) as raised:
        read(tmp_path / "file", content, REVIEWS)
    assert str(raised.value).startswith(str(tmp_path / "file"))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_the_sep_line_of_excel_is_not_the_header(first: str, tmp_path: Path) -> None:
    rows, told = read(tmp_path / "excel.csv", f"{first}\r\nasin;title\r\nP1;Pen\r\n;;\r\n", PRODUCTS)
    assert rows[0] == {"asin": "P1", "title": "Pen"}
    assert told == ["CSV (semicolons, doubled quotes)"]
    assert [line for line, _ in reading.rows(str(tmp_path / "excel.csv"), PRODUCTS)] == [3, 4]
    with pytest.raises(UnknownFormat, match=r"(?i)with the columns sep="):
        read(tmp_path / "excel.csv", first, PRODUCTS)
