"""The vocabulary of the demo shop, read from two TOML files."""

import tomllib
from pathlib import Path
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """A leaf category. ``price`` is the median in dollars; ``goes_with`` lists categories bought with it."""

    category: str
    parent: str
    picture: str
    nouns: list[str]
    details: list[str]
    price: float
    good: list[str]
    bad: list[str]
    goes_with: list[str]


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


_shop = _read("vocabulary.toml")
BRANDS: list[str] = _shop["brands"]
LINES: list[str] = _shop["lines"]
COLORS: dict[str, int | str] = _shop["colors"]
COLORED_PICTURES: list[str] = _shop["colored_pictures"]
KINDS = [Kind(**kind) for kind in _shop["kind"]]

_said = _read("phrases.toml")
FIRST_NAMES: list[str] = _said["first_names"]
LAST_NAMES: list[str] = _said["last_names"]
CONTEXTS: list[str] = _said["contexts"]
# By stars.
OPENINGS, CLOSINGS, SUMMARIES = (
    {int(stars): listed for stars, listed in _said[name].items()} for name in ("openings", "closings", "summaries")
)
