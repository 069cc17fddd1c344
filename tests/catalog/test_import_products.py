"""Fields of a product in each shape of files."""

from pathlib import Path
from typing import Any

import pytest

from catalog.importers.importer import Counts
from catalog.importers.products import ProductImporter
from catalog.models import Product
from tests.catalog.importing import as_lines, import_products, product_of, reasons

pytestmark = pytest.mark.django_db

BULLET = "A very long bullet point about this shirt, " * 6


def test_2023_metadata_that_pandas_wrote_to_csv(tmp_path: Path) -> None:
    text = (
        "main_category,title,description,price,images,store,categories,parent_asin\n"
        "All Beauty,Hair clip,['First paragraph.' 'Second paragraph.'],12.99,"
        "\"{'hi_res': array(['https://img.example/a.jpg', None], dtype=object), 'large': array([\n"
        "      'https://img.example/b.jpg'], dtype=object)}\",Clipco,['Beauty' 'Hair Care' 'Clips'],P1\n"
        "All Beauty,Comb,[],None,\"{'hi_res': array([], dtype=object)}\",,[],P2\n"
    )
    assert import_products(tmp_path, text) == Counts(read=2, created=2)
    clip, comb = Product.objects.order_by("asin")
    assert clip.categories == ["Beauty", "Hair Care", "Clips"]
    assert (clip.description, clip.im_url) == ("First paragraph. Second paragraph.", "https://img.example/a.jpg")
    assert (comb.description, comb.im_url, comb.price, comb.leaf_category) == ("", "", None, "All Beauty")


def test_the_first_picture_that_is_there_counts_in_its_largest_size(tmp_path: Path) -> None:
    images = {"hi_res": [None], "large": ["https://img.example/b.jpg"], "thumb": ["https://img.example/t.jpg"]}
    assert product_of(tmp_path, {"images": images, "price": "None"}).im_url == "https://img.example/b.jpg"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("https://img.example/x.jpg?id=1&region=us", "https://img.example/x.jpg?id=1&region=us"),
        ("https://img.example/x.jpg?w=1&para=2&not=3&times=4", "https://img.example/x.jpg?w=1&para=2&not=3&times=4"),
        ("https://img.example/x.jpg?w=1&amp;h=2", "https://img.example/x.jpg?w=1&h=2"),
        ("['https://img.example/x.jpg']", "https://img.example/x.jpg"),
    ],
)
def test_picture_urls_are_stored_unchanged(written: str, stored: str, tmp_path: Path) -> None:
    assert product_of(tmp_path, {"imUrl": written}).im_url == stored


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Print&copy paper A4", "Print&copy paper A4"),
        ("Valves&regulators", "Valves&regulators"),
        ("Fish &amp; chips", "Fish & chips"),
        ("50&deg; angle", "50° angle"),
        ("It&#39;s &#x41;", "It's A"),
        ("x&lt", "x&lt"),
        ("&notit; &nosuch;", "&notit; &nosuch;"),
    ],
)
def test_only_complete_entities_are_decoded(written: str, stored: str, tmp_path: Path) -> None:
    product = product_of(tmp_path, {"title": written, "brand": written, "categories": [written]})
    assert (product.title, product.brand, product.leaf_category) == (stored, stored, stored)


@pytest.mark.parametrize("between", [",", ", ", " ", "|", ";", "\n"])
def test_the_first_of_several_addresses_in_a_text_is_the_picture(between: str, tmp_path: Path) -> None:
    addresses = ["https://img.example/1,2.jpg", "http://img.example/3.jpg?a=http://b"]
    product = product_of(tmp_path, {"imUrl": between.join(addresses)})
    assert product.im_url == addresses[0]


@pytest.mark.parametrize(
    "value",
    [
        "nan",
        "NaN",
        "None",
        "NULL",
        "null",
        "N/A",
        "none",
        "Null",
        "-",
        "#REF!",
        "\\N",
        "",
        "[]",
        "[None]",
        "[nan]",
        None,
    ],
)
def test_an_absent_value_in_any_spelling_erases_nothing(value: str | None, tmp_path: Path, pen: Product) -> None:
    names = ["title", "description", "brand", "imUrl", "related", "salesRank", "categories", "price"]
    row = {"asin": pen.asin} | dict.fromkeys(names, value)
    assert import_products(tmp_path, as_lines([row])) == Counts(read=1, unchanged=1)


def test_each_column_of_related_products_keeps_what_it_had(tmp_path: Path) -> None:
    related = {"also_buy": ["P2"], "also_view": ["P3"]}
    product = product_of(tmp_path, related)
    newer = as_lines([{"asin": "P1", "also_buy": ["P4"], "also_view": []}])
    assert import_products(tmp_path, newer) == Counts(read=1, updated=1)
    product.refresh_from_db()
    assert product.related == {"also_bought": ["P4"], "also_viewed": ["P3"]}
    assert import_products(tmp_path, newer) == Counts(read=1, unchanged=1)
    # In one file as in two.
    import_products(tmp_path, as_lines([{"asin": "P5"} | related, {"asin": "P5", "also_buy": ["P4"]}]))
    assert Product.objects.get(asin="P5").related == product.related


def test_a_title_in_brackets_is_kept(tmp_path: Path) -> None:
    assert product_of(tmp_path, {"title": "[1984]", "brand": "[Unknown]"}).title == "[1984]"


@pytest.mark.parametrize(
    ("fields", "categories"),
    [
        (
            {"category": ["Clothing", "Girls", "two layers", "soft"], "feature": ["two layers", "soft"]},
            ["Clothing", "Girls"],
        ),
        ({"category": ["Clothing", "Shirts", BULLET], "feature": [BULLET]}, ["Clothing", "Shirts"]),
        ({"category": ["Gift Cards", "Gift Cards", "No expiration date, no fees.", "Many designs"]}, ["Gift Cards"]),
        ({"category": [], "main_cat": "All Beauty"}, ["All Beauty"]),
        ({"category": "Office > Pens>Nibs > Gold"}, ["Office", "Pens>Nibs", "Gold"]),
        ({"category": ["soft"], "feature": ["soft"], "main_cat": "All Beauty"}, ["All Beauty"]),
        ({"category": ["Toys & Games", "</span></span>", "Puzzles"]}, ["Toys & Games", "Puzzles"]),
        ({"categories": [f"C{n}" for n in range(25)]}, [*(f"C{n}" for n in range(19)), "C24"]),
        ({"main_cat": '<img src="https://img.example/logo.png" alt="Digital Music"/>'}, ["Digital Music"]),
    ],
)
def test_bullets_and_markup_of_2018_are_not_categories(
    fields: dict[str, Any], categories: list[str], tmp_path: Path
) -> None:
    assert product_of(tmp_path, fields).categories == categories


@pytest.mark.parametrize(
    ("rank", "read"),
    [
        ("19,963,069inClothing,ShoesJewelry(", {"Clothing": 19963069}),
        ("186,829 in Beauty &amp; Personal Care (", {"Beauty & Personal Care": 186829}),
        (
            [">#57,419 in Toys & Games > Puzzles", ">#3 in Toys, Old (See Top 100)"],
            {"Toys & Games > Puzzles": 57419, "Toys, Old": 3},
        ),
        ("['#3 in Toys' '#4 in Games']", {"Toys": 3, "Games": 4}),
        ("{'Toys': 12.0}", {"Toys": 12}),
    ],
)
def test_every_spelling_of_ranks_is_read(rank: Any, read: dict[str, int], tmp_path: Path) -> None:
    product = product_of(tmp_path, {"rank": rank})
    assert product.sales_rank == read


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"price": "Free"}, "price"),
        ({"imUrl": "none yet"}, "imUrl"),
        ({"imUrl": "https://img.example/" + "x" * 2000}, "imUrl"),
        ({"related": "{'also_bought': ['P1'"}, "related"),
        ({"related": {"": ["P1"]}}, "related"),
        ({"related": {"also_bought": ["P 1"]}}, "related"),
        ({"related": {"x": True}}, "related"),
        ({"salesRank": {"": 5}}, "salesRank"),
        ({"salesRank": {"Toys": -1}}, "salesRank"),
        ({"salesRank": {f"c{n}": n for n in range(300)}}, "salesRank"),
        ({"rank": ["9" * 9_990 + " in Toys"] * 20}, "salesRank"),
        ({"rank": "first"}, "salesRank"),
        ({"rank": "Nr. 1.234 in Toys (See"}, "salesRank"),  # 234 is what its last digits say
        ({"rank": "#1 234 in Toys ("}, "salesRank"),
        ({"rank": "#1\N{NO-BREAK SPACE}234 in Toys ("}, "salesRank"),
        ({"rank": "#12,34 in Toys ("}, "salesRank"),
        ({"categories": [f"C{n}" for n in range(25)]}, "categories"),
        ({"categories": ["A", BULLET]}, "categories"),
    ],
)
def test_unreadable_values_are_left_out_and_counted(fields: dict[str, Any], named: str, tmp_path: Path) -> None:
    counts = import_products(
        tmp_path, as_lines([{"asin": "P1"} | fields, {"asin": "P2"}, {"asin": "bad one"} | fields])
    )
    assert counts == Counts(read=3, created=2, rejected=1, unreadable=counts.unreadable)
    assert counts.unreadable == {named: 1}


def test_nulls_in_lists_are_dropped_silently(tmp_path: Path) -> None:
    text = 'asin,categories,related\nP1,"[""A"", null]","{""also_bought"": null, ""x"": [""P2"", null]}"\n'
    assert import_products(tmp_path, text) == Counts(read=1, created=1)
    product = Product.objects.get()
    assert (product.categories, product.related) == (["A"], {"x": ["P2"]})


@pytest.mark.parametrize("number", ["9" * 400, "0x" + "1" * 4000, "-1", "1e400"])
def test_no_number_ends_an_import(number: str, tmp_path: Path) -> None:
    fields = ["price", "salesRank", "rank", "title", "imUrl", "categories", "related"]
    lines = [f"{{'asin': 'P{n}', '{name}': {number}}}\n" for n, name in enumerate(fields)]
    lines += [f"{{'asin': 'Q{n}', '{name}': {{{number}: [{number}]}}}}\n" for n, name in enumerate(fields)]
    lines.append(f"{{{number}: 1, 'asin': 'R', 'title': 'a number for a column'}}\n")
    counts = import_products(tmp_path, "{'asin': 'OK'}\n" + "".join(lines))
    assert counts.read == 16
    assert Product.objects.filter(asin="OK").exists()


@pytest.mark.parametrize("asin", [".", "..", "P/1", "P 1", "x" * 256, 12, 1.5, True, ["P1"], "nan"])
def test_an_invalid_asin_rejects_its_row(asin: Any, tmp_path: Path) -> None:
    (reason,) = reasons(tmp_path, ProductImporter, as_lines([{"asin": asin}]))
    assert reason.startswith("asin: ")
