"""How varied lists are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from recommendations.diversity import are_near_duplicates, words_of


class Variety:
    """Looks at lists one by one. ``labels`` has the leaf category and title of each product, as far as known."""

    def __init__(self, labels: Mapping[int, tuple[str, str]]) -> None:
        self._leaves = {product: leaf for product, (leaf, _) in labels.items()}
        self._titles = {product: words_of(title) for product, (_, title) in labels.items()}
        self.near_duplicates: list[bool] = []  # whether a list has two titles that are almost the same
        self.same_leaf: list[float] = []  # the share of a list that is of its most frequent leaf category

    def add(self, products: Sequence[int]) -> None:
        titles = [self._titles[product] for product in products if product in self._titles]
        leaves = Counter(self._leaves.get(product, "") for product in products)
        del leaves[""]
        self.near_duplicates.append(any(are_near_duplicates(*pair) for pair in combinations(titles, 2)))
        self.same_leaf.append(max(leaves.values(), default=0) / max(len(products), 1))


def gini(counts: Sequence[int]) -> float:
    """The Gini coefficient: 0 if all counts are equal, near 1 if one has everything."""
    ordered = np.sort(np.asarray(counts, np.float64))
    if not ordered.sum():
        return 0.0
    places = np.arange(1, len(ordered) + 1)
    return float((2 * places - len(ordered) - 1) @ ordered / (len(ordered) * ordered.sum()))
