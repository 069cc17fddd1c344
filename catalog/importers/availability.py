"""Reads whether a product is in stock and listed, by one rule for all files, which ``seed_products --help`` prints.

The same words for yes and no serve other cells."""

from typing import Any

from catalog.importers.cells import cell, is_absent, whole
from catalog.importers.columns import folded

RULE = (
    "A product is in stock by the words of schema.org and Google (in_stock, InStock, https://schema.org/PreOrder, out "
    "of stock, SoldOut), by yes and no, or by a number of pieces. Of Shopify's columns, Status and Published say "
    "whether it is listed, and a tracked inventory of 0 that may not be oversold that it is out of stock. Anything "
    "else changes nothing and is counted (in_stock unreadable: 3)."
)
_YES = {"true", "t", "yes", "y", "on"}
_NO = {"false", "f", "no", "n", "off"}
# https://schema.org/ItemAvailability and https://support.google.com/merchants/answer/6324448, and what shops write
_IN_STOCK = _YES | {
    *("instock", "limitedavailability", "onlineonly", "instoreonly", "available", "limited", "lowstock", "lowinstock"),
    *("preorder", "presale", "backorder", "onbackorder", "availablefororder", "madetoorder"),
}
_OUT_OF_STOCK = _NO | {
    *("outofstock", "soldout", "discontinued", "reserved", "unavailable", "notavailable", "notinstock", "nostock"),
    *("currentlyunavailable", "temporarilyoutofstock"),
}
_LISTED = _YES | {"active", "published", "listed", "visible"}
_UNLISTED = _NO | {"draft", "archived", "unpublished", "unlisted", "hidden", "inactive"}


def in_stock(raw: Any) -> bool | None:
    """Whether a product is in stock; None if the cell does not say."""
    return _either(raw, _IN_STOCK, _OUT_OF_STOCK)


def listed(raw: Any) -> bool | None:
    """Whether a product is listed; None if the cell does not say."""
    return _either(raw, _LISTED, _UNLISTED)


def in_inventory(quantity: Any, tracker: Any, policy: Any) -> bool | None:
    """Whether a Shopify variant can be bought; None if its columns do not say."""
    if is_absent(quantity) or (pieces := whole(quantity)) is None:
        return None
    return pieces > 0 or is_absent(tracker) or folded(policy) == "continue"


def said_yes(raw: Any) -> bool | None:
    """Whether a cell says yes or no; None if it says neither."""
    return _either(raw, _YES, _NO)


def _either(raw: Any, yes: set[str], no: set[str]) -> bool | None:
    found = cell(raw)
    if isinstance(found, bool):
        return found
    if (number := whole(found)) is not None:
        return number > 0
    word = folded(found.rstrip("/").rpartition("/")[2]) if isinstance(found, str) else ""
    return True if word in yes else False if word in no else None
