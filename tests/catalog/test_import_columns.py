"""Columns are mapped to fields, in the shapes that shops export."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.importers import columns
from catalog.importers.formats import UnknownFormat
from catalog.importers.importer import Counts
from catalog.importers.products import ProductImporter
from catalog.importers.reviews import ReviewImporter
from catalog.models import Product, Review
from tests.catalog.importing import as_lines, import_products, product_of, reasons, review, review_of_row

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "names",
    [
        ("asin", "title", "price", "brand", "imUrl"),
        ("ASIN", "TITLE", "PRICE", "BRAND", "IMURL"),
        (" asin", " title ", "\tprice", " brand", " imUrl"),
        ("Product ID", "Title", "Price", "Brand", "Image"),
        ("product_id", "name", "price", "vendor", "image_url"),
        ("parent_asin", "Title", "Price", "store", "Images"),
    ],
)
def test_columns_are_matched_without_case_and_blanks(names: tuple[str, ...], tmp_path: Path) -> None:
    values = (" P1 ", "One", "12,99", "B", "https://img.example/x.jpg")
    assert import_products(tmp_path, as_lines([dict(zip(names, values, strict=True))])).created == 1
    product = Product.objects.get()
    assert (product.asin, product.title, str(product.price), product.brand) == ("P1", "One", "12.99", "B")
    assert product.im_url == "https://img.example/x.jpg"


def test_blanks_after_commas_are_not_part_of_a_cell(tmp_path: Path) -> None:
    import_products(tmp_path, "asin, title, price\nP1, One, 12.99\n")
    product = Product.objects.get()
    assert (product.asin, product.title, str(product.price)) == ("P1", "One", "12.99")


def test_the_title_of_the_short_csv_is_its_description_only_without_a_title(tmp_path: Path) -> None:
    import_products(tmp_path, "Product ID,title,description\nP1,Good title,Long text\n")
    import_products(tmp_path, "Product ID,Description\nP2,Cable\n")
    assert list(Product.objects.order_by("asin").values_list("title", "description")) == [
        ("Good title", "Long text"),
        ("Cable", ""),
    ]


def test_the_second_column_of_a_field_is_used_if_the_first_is_absent(tmp_path: Path) -> None:
    rows = [
        {"imageURLHighRes": "[]", "imageURL": "https://img.example/s.jpg"},
        {"imageURLHighRes": "['https://img.example/l.jpg']", "imageURL": "https://img.example/s.jpg"},
    ]
    import_products(tmp_path, as_lines({"asin": f"P{n}"} | row for n, row in enumerate(rows)))
    pictures = Product.objects.order_by("asin").values_list("im_url", flat=True)
    assert list(pictures) == ["https://img.example/s.jpg", "https://img.example/l.jpg"]


def test_columns_that_are_not_used_are_named_once_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(",asin,title,Colour,made in\n" + "".join(f"{n},P{n},x,red,Peru\n" for n in range(3)))
    out = io.StringIO()
    call_command("seed_products", str(file), stdout=out)
    assert out.getvalue().count("columns not used: Colour, made in\n") == 1
    file.write_text("asin,title\nP1,x\n")
    out = io.StringIO()
    call_command("seed_products", str(file), stdout=out)
    assert "not used" not in out.getvalue()


def test_rows_with_new_columns_each_take_bounded_memory(tmp_path: Path) -> None:
    importer = ProductImporter()
    for number in range(3 * columns.MAX_LAYOUTS):
        importer.clean({"asin": "P1", f"column {number}": 1})
    importer.clean({"asin": "P1", "x" * 1_000_000: 1})
    assert len(importer.layouts._known) <= columns.MAX_LAYOUTS
    assert len(importer.layouts.unused) == columns.MAX_UNUSED
    assert max(map(len, importer.layouts.unused)) <= columns.MAX_UNUSED_CHARACTERS


@pytest.mark.parametrize(
    ("command", "text", "hint"),
    [
        ("seed_products", review(), "these are reviews: seed_reviews reads them"),
        ("seed_products", "user_id,rating,asin,title\nU1,5,P1,Good\n", "these are reviews: seed_reviews reads them"),
        ("seed_reviews", "asin,title,price\nP1,One,5\n", "these are products: seed_products reads them"),
        ("seed_reviews", '{"asin": "P1", "title": "x"}\n', "these are products: seed_products reads them"),
    ],
)
def test_reviews_for_products_and_the_reverse_are_refused_with_a_hint(
    command: str, text: str, hint: str, tmp_path: Path
) -> None:
    file = tmp_path / "rows"
    file.write_text(text)
    with pytest.raises(CommandError) as raised:
        call_command(command, str(file), stdout=io.StringIO())
    assert str(raised.value).startswith(f"{file}: ")
    assert str(raised.value).endswith(hint)
    assert not Product.objects.exists()


def test_a_review_among_products_is_rejected_with_the_hint(tmp_path: Path) -> None:
    text = as_lines([{"asin": "P1", "title": "One"}]) + review()
    assert reasons(tmp_path, ProductImporter, text) == ["these are reviews: seed_reviews reads them"]


AMAZON_US: dict[str, Any] = {
    "marketplace": "US",
    "customer_id": "1000001",
    "review_id": "RXXXXXXXXXXXX1",
    "product_id": "P1",
    "product_parent": "2000002",
    "product_title": "Thing",
    "product_category": "Apparel",
    "star_rating": "4",
    "helpful_votes": "1",
    "total_votes": "3",
    "vine": "N",
    "verified_purchase": "Y",
    "review_headline": 'Good "one',
    "review_body": 'Fine 5" thing',
    "review_date": "2013-01-14",
}


def test_amazon_us_reviews(tmp_path: Path) -> None:
    made = review_of_row(tmp_path, AMAZON_US)
    assert (made.reviewer_id, made.product_id, made.overall) == ("1000001", "P1", 4)
    assert (made.summary, made.review_text) == ('Good "one', 'Fine 5" thing')
    assert (made.helpful_votes, made.total_votes, made.unix_review_time) == (1, 3, 1358121600)
    assert made.verified
    assert reasons(tmp_path, ReviewImporter, as_lines([AMAZON_US | {"helpful_votes": "4"}])) == [
        "helpful: not 0 ≤ helpful votes ≤ all votes"
    ]


@pytest.mark.parametrize(
    "names", [("reviewerID", "asin", "overall", "unixReviewTime"), ("user", "item", "rating", "timestamp")]
)
def test_ratings_alone(names: tuple[str, ...], tmp_path: Path) -> None:
    values = ("AREVIEWER0001", "P1", "5.0", "978480000")
    made = review_of_row(tmp_path, dict(zip(names, values, strict=True)))
    assert (made.reviewer_id, made.product_id, made.overall, made.unix_review_time) == (
        "AREVIEWER0001",
        "P1",
        5,
        978480000,
    )


def variant(handle: str, title: str = "", price: str = "", picture: str = "", body: str = "") -> dict[str, str]:
    """A row of Shopify's product CSV."""
    return {
        "Handle": handle,
        "Title": title,
        "Body (HTML)": body,
        "Vendor": "Potter" if title else "",
        "Product Category": "Home & Garden > Kitchen > Mugs" if title else "",
        "Type": "Mug" if title else "",
        "Variant Price": price,
        "Image Src": picture,
    }


def test_variants_of_shopify_are_one_product_with_its_lowest_price(tmp_path: Path) -> None:
    rows = [
        variant("red-mug", "Red mug", "12.00", body="<p>Holds <b>a lot</b>.</p>\n<ul><li>Fish &amp; chips</li></ul>"),
        variant("red-mug", price="9.50", picture="https://cdn.example/mug.jpg"),
        variant("red-mug", price="11.00", picture="https://cdn.example/other.jpg"),
        variant("red-mug", picture="https://cdn.example/third.jpg"),
        variant("blue-mug", "Blue mug", "8.00", "https://cdn.example/blue.jpg"),
    ]
    text = as_lines(rows)
    assert import_products(tmp_path, text) == Counts(read=5, created=2, merged=3)
    blue, red = Product.objects.order_by("asin")
    assert (red.asin, red.title, red.brand, str(red.price)) == ("red-mug", "Red mug", "Potter", "9.50")
    assert (red.description, red.im_url) == ("Holds a lot.\nFish & chips", "https://cdn.example/mug.jpg")
    assert red.categories == ["Home & Garden", "Kitchen", "Mugs"]
    assert (str(blue.price), blue.im_url) == ("8.00", "https://cdn.example/blue.jpg")
    assert import_products(tmp_path, text) == Counts(read=5, unchanged=2, merged=3)


def test_rows_of_a_handle_that_are_not_together_are_rejected(tmp_path: Path) -> None:
    rows = [
        variant("red-mug", "Red mug", "9.50"),
        variant("blue-mug", "Blue mug", "8.00"),
        variant("red-mug", "", "12"),
    ]
    counts = import_products(tmp_path, as_lines(rows))
    assert (counts.created, counts.rejected) == (2, 1)
    assert str(Product.objects.get(asin="red-mug").price) == "9.50"
    # Another file may have newer rows of the same product.
    assert import_products(tmp_path, as_lines(rows[2:])) == Counts(read=1, updated=1)


def test_a_feed_for_google_merchant_is_read(tmp_path: Path) -> None:
    text = (
        "id\ttitle\tdescription\tlink\timage_link\tavailability\tprice\tbrand\tproduct_type\n"
        "7\tPen\tBlue\thttps://shop.example/7\thttps://shop.example/7.jpg\tsold out\t12.99 EUR\tInk\tOffice > Pens\n"
    )
    assert import_products(tmp_path, text) == Counts(read=1, created=1)
    pen = Product.objects.get(asin="7")
    assert (pen.title, pen.im_url, pen.in_stock, str(pen.price)) == (
        "Pen",
        "https://shop.example/7.jpg",
        False,
        "12.99",
    )
    assert pen.categories == ["Office", "Pens"]


def test_an_id_is_the_asin_only_of_a_file_without_asins(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"id": "7", "asin": "P1"}, {"id": "8", "asin": None}]
    counts = import_products(tmp_path, as_lines(rows))
    assert (counts.created, counts.rejected) == (1, 1)
    assert import_products(tmp_path, as_lines([{"id": "9", "title": "Pen"}])) == Counts(read=1, created=1)
    assert set(Product.objects.values_list("asin", flat=True)) == {"P1", "9"}


def test_the_export_of_woocommerce_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match="name the columns SKU, Name"):
        import_products(tmp_path, "ID,Type,SKU,Name,Regular price,Categories,Images\n1,simple,P1,Pen,2,Office,\n")


def test_the_type_of_shopify_is_the_category_if_there_is_no_other(tmp_path: Path) -> None:
    row = variant("red-mug", "Red mug") | {"Product Category": ""}
    import_products(tmp_path, as_lines([row]))
    assert Product.objects.get().categories == ["Mug"]


def test_a_handle_may_have_as_many_characters_as_shopify_allows(tmp_path: Path) -> None:
    longest, longer = "m" * 255, "m" * 256
    counts = import_products(tmp_path, as_lines([variant(longest, "Mug"), variant(longer, "Mug")]))
    assert (counts.created, counts.rejected) == (1, 1)
    assert Product.objects.get().asin == longest
    Review.objects.create(product_id=longest, reviewer_id="R1", overall=5, unix_review_time=1)


def test_the_columns_of_each_row_count(tmp_path: Path) -> None:
    rows = [{"asin": "P1", "title": "One"}, {"parent_asin": "P2", "Title": "Two"}]
    assert import_products(tmp_path, as_lines(rows)).created == 2


@pytest.mark.parametrize(
    ("cells", "is_listed", "in_stock"),
    [
        ({}, True, True),
        ({"availability": "in stock"}, True, True),
        ({"availability": "https://schema.org/OutOfStock"}, True, False),
        ({"availability": "http://schema.org/PreOrder"}, True, True),
        ({"availability": "out_of_stock"}, True, False),
        ({"Availability": "Currently unavailable."}, True, False),
        ({"In Stock": "no"}, True, False),
        ({"in_stock": False}, True, False),
        ({"In stock?": "0"}, True, False),
        ({"in_stock": 12}, True, True),
        ({"in_stock": "", "availability": "SoldOut"}, True, False),
        ({"listed": "false"}, False, True),
        ({"Published": "TRUE"}, True, True),
        ({"Published": "true", "Status": "draft"}, False, True),
        ({"Status": "archived"}, False, True),
        ({"Variant Inventory Qty": "0", "Variant Inventory Tracker": "shopify"}, True, False),
        ({"Variant Inventory Qty": "0", "Variant Inventory Tracker": ""}, True, True),
        (
            {
                "Variant Inventory Qty": "-3",
                "Variant Inventory Tracker": "shopify",
                "Variant Inventory Policy": "continue",
            },
            True,
            True,
        ),
    ],
)
def test_availability_is_read_where_a_file_has_it(
    tmp_path: Path, cells: dict[str, Any], is_listed: bool, in_stock: bool
) -> None:
    product = product_of(tmp_path, cells)
    assert (product.is_listed, product.in_stock) == (is_listed, in_stock)


def test_only_a_cell_that_says_so_changes_the_availability(tmp_path: Path) -> None:
    Product.objects.create(asin="P1", is_listed=False, in_stock=False)
    for cells in ({}, {"availability": "NaN", "listed": None}, {"availability": "perhaps", "listed": "so so"}):
        counts = import_products(tmp_path, as_lines([{"asin": "P1"} | cells]))
        assert counts.unchanged == 1
        assert counts.unreadable == ({"in_stock": 1, "listed": 1} if cells and cells["listed"] else {})
    counts = import_products(tmp_path, as_lines([{"asin": "P1", "availability": "InStock", "listed": "yes"}]))
    assert counts.updated == 1
    product = Product.objects.get()
    assert (product.is_listed, product.in_stock) == (True, True)


def test_a_shopify_product_is_in_stock_if_one_variant_is(tmp_path: Path) -> None:
    def row(handle: str, quantity: int) -> dict[str, str]:
        tracked = {"Variant Inventory Tracker": "shopify", "Variant Inventory Policy": "deny"}
        return variant(handle, "Mug") | tracked | {"Variant Inventory Qty": str(quantity)}

    import_products(tmp_path, as_lines([row("red", 0), row("red", 3), row("red", 0), row("blue", 0), row("blue", 0)]))
    assert dict(Product.objects.values_list("asin", "in_stock")) == {"red": True, "blue": False}
