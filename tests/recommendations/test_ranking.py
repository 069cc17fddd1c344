import math

import pytest

from recommendations.ranking import Ranked, rank
from recommendations.weights import Weights

PLAIN = Weights(recency=0.5, trend=0)
NEIGHBOURS = {1: [(2, 0.8), (3, 0.5), (4, 0.1)], 2: [(3, 0.8), (1, 0.8)], 9: [(5, 0.3)]}


def products(ranked: list[Ranked]) -> list[int]:
    return [each.product for each in ranked]


def test_neighbours_of_the_latest_weigh_most_and_add_up() -> None:
    ranked = rank([1, 2], NEIGHBOURS, {}, without={1, 2}, weights=PLAIN)
    assert [(each.product, each.because) for each in ranked] == [(3, 1), (4, 1)]
    assert [each.score for each in ranked] == pytest.approx([0.5 + 0.5 * 0.8, 0.1])


def test_it_says_what_brought_most_of_it() -> None:
    (first, *_) = rank([9, 2], {9: [(3, 0.1)], 2: [(3, 0.9)]}, {}, without=set(), weights=PLAIN)
    assert (first.product, first.because) == (3, 2)


def test_what_is_left_out_is_left_out() -> None:
    assert products(rank([1], NEIGHBOURS, {}, without={2, 4}, weights=PLAIN)) == [3]


def test_demand_lifts_what_fits_and_nothing_else() -> None:
    ranked = rank([1], NEIGHBOURS, {3: math.e - 1, 7: 1000.0}, without=set(), weights=Weights(trend=1))
    assert products(ranked) == [3, 2, 4]
    assert ranked[0].score == pytest.approx(0.5 * 2)


def test_only_so_much_of_the_history_counts() -> None:
    assert products(rank([1, 9], NEIGHBOURS, {}, without=set(), weights=Weights(history=1, trend=0))) == [2, 3, 4]


def test_equals_come_in_the_order_of_their_numbers() -> None:
    assert products(rank([1], {1: [(8, 0.5), (3, 0.5)]}, {}, without=set(), weights=PLAIN)) == [3, 8]


def test_nothing_follows_from_nothing() -> None:
    assert rank([], NEIGHBOURS, {}, without=set(), weights=PLAIN) == []
    assert rank([77], NEIGHBOURS, {}, without=set(), weights=PLAIN) == []
