"""Imports products from the metadata of 2014, 2018 and 2023, CSV files made from it, and what shops export."""

import json
from dataclasses import dataclass, field
from typing import Any, TypeVar

from catalog import rules, wire
from catalog.importers import aliases, listings, values
from catalog.importers.availability import in_inventory, in_stock, listed
from catalog.importers.cells import is_absent
from catalog.importers.formats import RejectedRow, UnknownFormat
from catalog.importers.importer import Importer
from catalog.importers.markup import without_markup
from catalog.importers.prices import price
from catalog.importers.shapes import Columns
from catalog.importers.upsert import Row, Table
from catalog.models import leaf_category

T = TypeVar("T")


@dataclass
class ProductImporter(Importer):
    """Imports products. A missing or empty value keeps the stored one.

    Consecutive rows of one Shopify handle are variants of one product, which gets the first value of each field and the
    lowest price, and is in stock if one of them is. ``handles`` are those of the file's products so far, which are some
    thousands at most.
    """

    columns = Columns(aliases.PRODUCTS, {"the product": ("asin", "id")})
    variants: Row | None = field(default=None, init=False)
    handles: set[str] = field(default_factory=set, init=False)

    table = Table(
        name="catalog_product",
        columns=(
            "asin",
            "title",
            "description",
            "im_url",
            "related",
            "sales_rank",
            "categories",
            "leaf_category",
            "brand",
            "price",
            "is_listed",
            "in_stock",
        ),
        key=("asin",),
        empty={
            "title": "''",
            "description": "''",
            "im_url": "''",
            "related": "'{}'",
            "sales_rank": "'{}'",
            "categories": "'[]'",
            "leaf_category": "''",
            "brand": "''",
            "price": "NULL",
        },
        objects=("related",),
        given_or={"is_listed": "TRUE", "in_stock": "TRUE"},
        initial={"review_count": "0", "rating_total": "0"},
    )

    def begin(self, fields: dict[str, Any]) -> None:
        self.variants = None
        self.handles.clear()
        names = self.layouts.of(fields).names
        if aliases.is_of_reviews(names):
            raise UnknownFormat(aliases.IS_REVIEWS)
        if names >= aliases.WOOCOMMERCE:
            raise UnknownFormat(aliases.IS_WOOCOMMERCE)

    def clean(self, fields: dict[str, Any]) -> Row:
        names = self.layouts.of(fields).names
        if aliases.is_of_reviews(names):
            raise RejectedRow(aliases.IS_REVIEWS)
        cells = self.layouts.read(fields)
        asin, number, title, description, picture = cells[:5]
        related, *lists, ranks, categories, main, features, brand, cost = cells[5:15]
        published, status, stock, *inventory = cells[15:]
        is_shopify = "handle" in names
        if "title" not in names and "name" not in names and "productid" in names:
            title, description = description, None  # the CSV of Musical Instruments calls the title a description
        if "bodyhtml" in names and isinstance(description, str):
            description = without_markup(description)
        named = self._readable("categories", listings.categories(categories, main, features))
        row = (
            values.asin(number if names.isdisjoint(aliases.ASIN) else asin),
            values.paragraphs(title, "title", rules.MAX_TITLE) or None,
            values.paragraphs(description, "description", rules.MAX_TEXT) or None,
            self._readable(wire.IM_URL, listings.picture(picture)) or None,
            _json(self._readable("related", listings.related(related, *lists))),
            _json(self._readable(wire.SALES_RANK, listings.ranks(ranks))),
            _json(named),
            leaf_category(named) or None,
            values.paragraphs(brand, "brand", rules.MAX_NAME) or None,
            self._said("price", cost, price),
            self._listed(published, status),
            in_inventory(*inventory) if is_absent(stock) else self._said("in_stock", stock, in_stock),
        )
        return self._folded(row) if is_shopify else row

    def merge(self, old: Row, new: Row) -> Row:
        columns = zip(self.table.columns, old, new, strict=True)
        return tuple(_merged(name in self.table.objects, before, now) for name, before, now in columns)

    def _readable(self, name: str, found: tuple[T, bool]) -> T:
        """The value of a field, which is noted as unreadable if the value is incomplete."""
        value, is_whole = found
        if not is_whole:
            self.unreadable[name] = ""
        return value

    def _listed(self, *cells: Any) -> bool | None:
        """Whether a product is listed: no cell denies it, and one at least says it."""
        said = [self._said(wire.IS_LISTED, each, listed) for each in cells]
        return False if False in said else True if True in said else None

    def _folded(self, row: Row) -> Row:
        """The row merged with the preceding rows of the same product."""
        before = self.variants
        if before and before[0] == row[0]:
            merged = self.merge(row, before)
            prices, _, stocks = (
                [each for each in pair if each is not None] for pair in zip(before[-3:], row[-3:], strict=True)
            )
            row = (*merged[:-3], min(prices, default=None), merged[-2], max(stocks, default=None))
        elif row[0] in self.handles:  # it would replace the price and the stock of the others
            raise RejectedRow("Handle: its rows are not together; sort the file by Handle")
        else:
            self.handles.add(row[0])
        self.variants = row
        return row


def _merged(is_object: bool, before: Any, now: Any) -> Any:
    """The later value of a column, None if there is none. Objects are merged as the upsert merges them."""
    if is_object and before and now:
        return _json(json.loads(before) | json.loads(now))
    return before if now is None else now


def _json(value: dict[str, Any] | list[Any]) -> str | None:
    return json.dumps(value) if value else None
