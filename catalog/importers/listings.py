"""Fields of a product that are lists or objects. Each function returns the value and whether it is complete."""

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from catalog import rules, wire
from catalog.importers import values
from catalog.importers.cells import as_text, cell, entries, is_absent, whole
from catalog.importers.markup import without_tags

# Does not match the last digits of "1.234 in" and "1 234 in".
_RANK = re.compile(r"(?<![0-9.,])(?<![0-9]\s)([0-9]{1,3}(?:,[0-9]{3}){1,8}|[0-9]{1,25})(?: in |in)([^(]+)")
_BEFORE_ADDRESS = re.compile(r"(?<![\s,;|])[\s,;|]++(?=https?://)", re.IGNORECASE)
_SIZES = ("hi_res", "large", "thumb")
_SENTENCE_WORDS = 4


def picture(raw: Any) -> tuple[str, bool]:
    """The first http(s) URL, in its largest size."""
    found = ""
    for found in _addresses(cell(raw)):
        # A URL stays as it is, except for the one escape that HTML requires in it.
        address = values.text(found, wire.IM_URL, len(found), False).replace("&amp;", "&")
        if values.is_url(address):
            return address, True
    return "", not found


def _addresses(found: Any) -> Iterator[str]:
    """Texts from a text with one or more URLs, from a list of texts or of objects by size, or from one such object."""
    for each in found if isinstance(found, list) else [found]:
        image = cell(each)
        if isinstance(image, dict):
            lists = [listed if isinstance(listed := image.get(size), list) else [listed] for size in _SIZES]
            for sizes in zip_longest(*lists):
                yield from (size for size in sizes if isinstance(size, str) and not is_absent(size))
        elif isinstance(image, str):
            yield from _BEFORE_ADDRESS.split(image)


def related(raw: Any, *others: Any) -> tuple[dict[str, list[str]], bool]:
    """Lists of asins by kind, from an object and from ``others``, the separate columns of 2018 and 2023."""
    given, is_whole = _named(raw, "related")
    kinds = ("also_bought", "also_viewed", "bought_together")
    given = dict(zip(kinds, others, strict=False)) | given
    kept = {}
    for kind, listed in given.items():
        found = entries(listed)
        asins = values.asins(found)[: rules.MAX_LIST]
        is_whole = is_whole and len(asins) == len(found)
        if asins:
            kept[kind] = asins
    within = dict(list(kept.items())[: rules.MAX_LIST])
    return within, is_whole and len(within) == len(kept)


def ranks(raw: Any) -> tuple[dict[str, int], bool]:
    """``{"Office Products": 12}`` from an object or from lines such as ``>#1,234 in Office Products (See …``."""
    found = cell(raw)
    if isinstance(found, dict):
        given, is_whole = _named(found, wire.SALES_RANK)
        numbers = {name: whole(rank) for name, rank in given.items() if not is_absent(rank)}
    else:
        numbers, is_whole = {}, True
        for line in entries(found):
            match = _RANK.search(values.text(line, wire.SALES_RANK, rules.MAX_TEXT)) if isinstance(line, str) else None
            is_whole = is_whole and match is not None
            if match:
                numbers[_rank_name(match)] = whole(match[1].replace(",", ""))
    kept = {name: rank for name, rank in numbers.items() if name and rank is not None and 0 <= rank <= rules.MAX_RANK}
    kept = dict(list(kept.items())[: rules.MAX_LIST])
    return kept, is_whole and len(kept) == len(numbers)


def _rank_name(found: re.Match[str]) -> str:
    name = found[2]
    if found[0][len(found[1])] != " ":  # "19,963,069inClothing,ShoesJewelry(" lost its blanks
        name = name.split(",")[0]
    return name.strip()[: rules.MAX_NAME]


def _named(raw: Any, field: str) -> tuple[dict[str, Any], bool]:
    """The named entries of an object. It is complete if every entry has a name."""
    found = cell(raw)
    if not isinstance(found, dict):
        return {}, found is None
    named = {values.text(as_text(name), field, rules.MAX_NAME): value for name, value in found.items()}
    kept = {name: value for name, value in list(named.items())[: rules.MAX_LIST] if name}
    return kept, len(kept) == len(found)


def categories(raw: Any, main: Any, features: Any) -> tuple[list[str], bool]:
    """Names, widest first, from ``raw`` or else from ``main``. A text may be a path: A > B.

    In the metadata of 2018 the product's bullet points follow its categories. The first one ends the list.
    """
    bullets = {each.strip() for each in entries(features) if isinstance(each, str)}
    is_whole = True
    for given in (raw, main):
        found: dict[str, None] = {}
        read = values.names(given)
        parts = read[0].split(" > ") if len(read) == 1 and isinstance(read[0], str) else read
        for each in parts:
            if not isinstance(each, str):
                is_whole = False
                continue
            if each.strip() in bullets or _is_sentence(each):
                break
            name = values.text(without_tags(each), "categories", len(each))
            if len(name) > rules.MAX_NAME:
                is_whole = False
                break
            found |= {name: None} if name else {}
        if found:
            kept = list(found)
            if len(kept) > rules.MAX_CATEGORIES:  # keep the narrowest
                kept[rules.MAX_CATEGORIES - 1 :] = kept[-1:]
            return kept, is_whole and len(kept) == len(found)
    return [], is_whole


def _is_sentence(text: str) -> bool:
    return text.rstrip().endswith((".", "!")) and text.count(" ") >= _SENTENCE_WORDS - 1
