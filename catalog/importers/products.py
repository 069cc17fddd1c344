"""Products, from the metadata of 2014, 2018 and 2023 and the CSV shapes made of it."""

import json
import re
from typing import Any

from catalog.importers import values
from catalog.importers.importer import Importer
from catalog.importers.shapes import named
from catalog.importers.upsert import Row, Table
from catalog.models import leaf_category

_RANK = re.compile(r"#?([0-9][0-9,]*) in ([^(]+)")


class ProductImporter(Importer):
    """What a file does not say, or says with an empty value, leaves a stored product's value alone."""

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
        initial={"review_count": "0", "rating_total": "0"},
    )
    columns = named(
        "title, description, imurl, image, images, imageurl, imageurlhighres, related, also_buy, also_view, "
        "bought_together, salesrank, rank, categories, category, main_category, main_cat, brand, store, price, "
        "body (html), vendor, type, variant price, image src",
        the_product="asin, parent_asin, product id, handle",
    )

    def clean(self, fields: dict[str, Any]) -> Row:
        get = fields.get
        # The CSV of Musical Instruments calls the title a description.
        is_short = "Product ID" in fields
        title = get("Description") if is_short else get("title")
        categories = values.names(
            get("categories") or get("category") or get("Category") or get("main_category"), "categories"
        )
        return (
            values.asin(get("asin") or get("parent_asin") or get("Product ID")),
            values.text(title, "title", 1000) or None,
            values.text(get("description"), "description", 100_000) or None,
            _picture(fields) or None,
            _json(_related(fields)),
            _json(_ranks(get("salesRank") or get("rank"))),
            _json(categories),
            leaf_category(categories) or None,
            values.text(get("brand") or get("store"), "brand", 200) or None,
            values.price(get("price")),
        )

    def merge(self, old: Row, new: Row) -> Row:
        return tuple(before if now is None else now for before, now in zip(old, new, strict=True))


def _json(value: dict[str, Any] | list[Any]) -> str | None:
    return json.dumps(value) if value else None


def _picture(fields: dict[str, Any]) -> str:
    """The largest picture's address, if it is one of the web."""
    found = fields.get("imUrl") or fields.get("imageURLHighRes") or fields.get("imageURL") or fields.get("images")
    if isinstance(found, list):
        found = found[0] if found else ""
    if isinstance(found, dict):
        found = found.get("hi_res") or found.get("large") or found.get("thumb")
    address = values.text(found, "imUrl", 2000) if isinstance(found, str) else ""
    return address if re.fullmatch(r"https?://[^\s<>\"]+", address) else ""


def _related(fields: dict[str, Any]) -> dict[str, list[str]]:
    given = values.mapping(fields.get("related"))
    found = {_name(kind, "related"): values.asins(listed) for kind, listed in list(given.items())[:200]}
    for kind, column in (("also_bought", "also_buy"), ("also_viewed", "also_view"), ("bought_together",) * 2):
        found.setdefault(kind, values.asins(fields.get(column)))
    return {kind: listed[:200] for kind, listed in found.items() if listed}


def _ranks(raw: Any) -> dict[str, int]:
    """``{"Office Products": 12}``, from an object, its text, or lines such as ``>#1,234 in Office Products (See …``."""
    if isinstance(raw, str) and not raw.lstrip().startswith("{"):
        raw = [raw]
    if isinstance(raw, list):
        lines = (_RANK.search(values.text(each, "rank", 10_000)) for each in raw if isinstance(each, str))
        return {found[2].strip()[:200]: _rank(found[1].replace(",", "")) for found in lines if found}
    ranks = values.mapping(raw)
    kept = {name: rank for name, rank in ranks.items() if type(rank) is int and 0 <= rank < 2**63}
    return {_name(name, "salesRank"): rank for name, rank in kept.items()}


def _name(raw: Any, field: str) -> str:
    return values.text(raw if isinstance(raw, str) else str(raw), field, 200)


def _rank(digits: str) -> int:
    return min(int(digits[:19]), 2**63 - 1)
