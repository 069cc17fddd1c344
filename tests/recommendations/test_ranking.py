import math

import pytest

from recommendations.ranking import Ranked, rank
from recommendations.weights import Weights

PLAIN = Weights(recency=0.5, trend=0)
NEIGHBOURS = {1: [(2, 0.8), (3, 0.5), (4, 0.1)], 2: [(3, 0.8), (1, 0.8)], 9: [(5, 0.3)]}


def products(ranked: list[Ranked]) -> list[int]:
    return [each.product for each in ranked]


def test_neighbours_of_the_latest_product_weigh_most_and_scores_add_up() -> None:
    ranked = rank([1, 2], NEIGHBOURS, {}, without={1, 2}, weights=PLAIN)
    assert [(each.product, each.because) for each in ranked] == [(3, 1), (4, 1)]
    assert [each.score for each in ranked] == pytest.approx([0.5 + 0.5 * 0.8, 0.1])


def test_because_is_the_largest_contribution() -> None:
    (first, *_) = rank([9, 2], {9: [(3, 0.1)], 2: [(3, 0.9)]}, {}, without=set(), weights=PLAIN)
    assert (first.product, first.because) == (3, 2)


def test_excluded_products_are_left_out() -> None:
    assert products(rank([1], NEIGHBOURS, {}, without={2, 4}, weights=PLAIN)) == [3]


def test_the_trend_raises_neighbours_only() -> None:
    ranked = rank([1], NEIGHBOURS, {3: math.e - 1, 7: 1000.0}, without=set(), weights=Weights(trend=1))
    assert products(ranked) == [3, 2, 4]
    assert ranked[0].score == pytest.approx(0.5 * 2)


def test_only_the_latest_part_of_the_history_counts() -> None:
    assert products(rank([1, 9], NEIGHBOURS, {}, without=set(), weights=Weights(history=1, trend=0))) == [2, 3, 4]


def test_equal_scores_are_ordered_by_number() -> None:
    assert products(rank([1], {1: [(8, 0.5), (3, 0.5)]}, {}, without=set(), weights=PLAIN)) == [3, 8]


def test_an_empty_history_has_no_neighbours() -> None:
    assert rank([], NEIGHBOURS, {}, without=set(), weights=PLAIN) == []
    assert rank([77], NEIGHBOURS, {}, without=set(), weights=PLAIN) == []
