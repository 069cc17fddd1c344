"""Maps columns to fields. Names are compared without case, blanks, underscores and punctuation."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from catalog.importers.cells import is_absent

# Limits of the cache of layouts. A CSV file has one layout, JSON lines have one for each set of keys.
MAX_LAYOUTS, MAX_LAYOUT_CHARACTERS = 500, 10_000
MAX_UNUSED, MAX_UNUSED_CHARACTERS = 30, 60

_NOWHERE = object()


class Layout(NamedTuple):
    """The columns of each field in rows with certain columns.

    ``first`` has the preferred column of each field; ``others`` those to use if its cell is absent.
    """

    names: frozenset[str]
    first: tuple[Any, ...]
    others: tuple[tuple[int, tuple[str, ...]], ...]


@dataclass
class Layouts:
    """Reads rows by ``aliases``, which map each field to its column names, the preferred name first.

    ``unused`` collects the columns that no field uses.
    """

    aliases: Mapping[str, tuple[str, ...]]
    unused: dict[str, None] = field(default_factory=dict)
    _known: dict[tuple[Any, ...], Layout] = field(default_factory=dict)

    def of(self, fields: dict[Any, Any]) -> Layout:
        """The layout of a row with these columns."""
        columns = tuple(fields)
        return self._known.get(columns) or self._new(columns)

    def read(self, fields: dict[Any, Any]) -> list[Any]:
        """The raw cells of a row in the order of ``aliases``, None for a field without a column."""
        layout = self.of(fields)
        cells = list(map(fields.get, layout.first))
        for position, others in layout.others:
            if is_absent(cells[position]):
                cells[position] = next((fields[each] for each in others if not is_absent(fields[each])), None)
        return cells

    def _new(self, columns: tuple[Any, ...]) -> Layout:
        by_name: dict[str, list[str]] = {}
        for column in columns:
            by_name.setdefault(folded(column), []).append(column)
        found = [
            [column for name in names for column in by_name.get(folded(name), ())] for names in self.aliases.values()
        ]
        layout = Layout(
            names=frozenset(by_name),
            first=tuple(each[0] if each else _NOWHERE for each in found),
            others=tuple((position, tuple(each[1:])) for position, each in enumerate(found) if len(each) > 1),
        )
        used = {column for each in found for column in each}
        for column in columns:
            if column not in used and folded(column) and len(self.unused) < MAX_UNUSED:
                self.unused[str(column)[:MAX_UNUSED_CHARACTERS]] = None
        if _size(columns) <= MAX_LAYOUT_CHARACTERS:
            if len(self._known) >= MAX_LAYOUTS:
                self._known.clear()
            self._known[columns] = layout
        return layout


def _size(columns: tuple[Any, ...]) -> float:
    """Characters of all columns, or infinity if one is not text."""
    return sum(len(column) if isinstance(column, str) else math.inf for column in columns)


def folded(column: Any) -> str:
    """The normalized name of a column: ``Product ID``, ``product_id`` and ``PRODUCT ID`` become ``productid``."""
    return re.sub(r"[\W_]+", "", column).casefold() if isinstance(column, str) else ""
