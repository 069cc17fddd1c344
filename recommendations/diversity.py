"""Keeps a list from repeating itself: few products of one leaf category, and no near-duplicates."""

import math
import re
from collections import Counter

NEAR_DUPLICATE = 0.78  # cosine of the words of two titles: four of five words are the same
LIST = 10  # products; the length of a usual list, for which the cap is given

Words = frozenset[str]


def words_of(title: str) -> Words:
    return frozenset(re.findall(r"\w+", title.lower()))


def are_near_duplicates(one: Words, other: Words) -> bool:
    """Whether two titles have almost the same words. A title without words is like no other."""
    return len(one & other) > NEAR_DUPLICATE * math.sqrt(len(one) * len(other))


class Diversity:
    """What a list of ``limit`` products has so far.

    It admits ``most_of_a_leaf`` products of one leaf category, in a list of more than ten proportionally more. The leaf
    category ``unlimited`` and products without a category have no cap.
    """

    def __init__(self, limit: int, most_of_a_leaf: int, unlimited: str | None = None) -> None:
        self._most = max(math.ceil(limit * most_of_a_leaf / LIST), most_of_a_leaf)
        self._unlimited = {"", unlimited}
        self._leaves: Counter[str] = Counter()
        self._titles: list[Words] = []

    def admit(self, leaf: str, title: str) -> bool:
        """Add a product to the list. Return False, and add nothing, if the list would repeat itself."""
        if leaf not in self._unlimited and self._leaves[leaf] >= self._most:
            return False
        words = words_of(title)
        if any(are_near_duplicates(words, other) for other in self._titles):
            return False
        self._add(leaf, words)
        return True

    def add(self, leaf: str, title: str) -> None:
        """Add a product to the list even if the list repeats itself."""
        self._add(leaf, words_of(title))

    def _add(self, leaf: str, words: Words) -> None:
        self._leaves[leaf] += 1
        self._titles.append(words)
