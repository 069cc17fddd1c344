"""The protocols hide the right reviews, and the metrics are right."""

from collections.abc import Sequence

import numpy as np
import pytest

from recommendations.evaluation.baselines import Ease, Popularity, RecentPopularity
from recommendations.evaluation.data import Dataset
from recommendations.evaluation.models import Case, Demand, Known, RecommendedList, Served
from recommendations.evaluation.protocol import PROTOCOLS, evaluate, rolling, split
from recommendations.weights import Weights


def dataset(**reviews: Sequence[tuple[str, int | None]]) -> Dataset:
    data = Dataset()
    for reviewer, reviewed in reviews.items():
        for asin, day in reviewed:
            data.add_review(reviewer, asin, day)
    return data


THREE = dataset(anna=[("A", 1), ("B", 5), ("C", 5)], bert=[("A", 1), ("D", 2)])


def test_the_last_in_the_file_is_hidden_except_in_short_histories() -> None:
    found = split(THREE, "last-file", hidden="test")
    assert found.cases == [Case(0, [1, 0], 2, 5)]
    assert sorted(found.known.reviews) == [(0, 0, 1), (0, 1, 5), (1, 0, 1), (1, 3, 2)]


def test_a_validation_split_hides_the_test_item_too() -> None:
    found = split(THREE, "last-file", hidden="validation")
    assert found.cases == [Case(0, [0], 1, 5)]
    assert (0, 2, 5) not in found.known.reviews


def test_a_hash_orders_reviews_within_a_day_only() -> None:
    reviews = {f"r{n}": [("A", 1), ("B", 2), ("C", 3), ("D", 3)] for n in range(40)}
    cases = split(dataset(**reviews), "last-hash", hidden="test").cases
    assert {case.target for case in cases} == {2, 3}
    reversed_days = {f"r{n}": [("D", 3), ("C", 3), ("B", 2), ("A", 1)] for n in range(40)}
    again = split(dataset(**reversed_days), "last-hash", hidden="test").cases
    assert ["DCBA"[each.target] for each in again] == ["ABCD"[each.target] for each in cases]


def test_the_random_protocol_is_repeatable() -> None:
    data = dataset(**{f"r{n}": [("A", 1), ("B", 2), ("C", 3)] for n in range(60)})
    cases = split(data, "random", hidden="test").cases
    assert {case.target for case in cases} == {0, 1, 2}
    assert split(data, "random", hidden="test").cases == cases


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("hidden", ["test", "validation"])
def test_nothing_hidden_is_known(protocol: str, hidden: str) -> None:
    rng = np.random.default_rng(3)
    data = dataset(**{f"r{n}": [(f"P{p}", int(p % 4)) for p in rng.permutation(9)[:6]] for n in range(20)})
    found = split(data, protocol, hidden=hidden)
    known = {review[:2] for review in found.known.reviews}
    assert len(found.cases) == 20
    for case in found.cases:
        assert (case.reviewer, case.target) not in known
        assert {(case.reviewer, product) for product in case.history} <= known
        assert len(case.history) == (5 if hidden == "test" else 4)


def test_a_rolling_split_knows_nothing_of_the_future() -> None:
    rng = np.random.default_rng(5)
    reviews = {f"r{n}": [(f"P{p}", int(rng.integers(0, 50))) for p in rng.permutation(9)[:6]] for n in range(60)}
    data = dataset(**reviews)
    every = {(n, p, day) for n, own in enumerate(data.reviews.values()) for p, day in own.items()}
    day_of = {(reviewer, product): day for reviewer, product, day in every}
    splits = rolling(data)
    assert 5 < len(splits) <= 14
    for each in splits:
        newest = max(day or 0 for *_, day in each.known.reviews)
        assert {*each.known.reviews} == {review for review in every if (review[2] or 0) <= newest}
        for case in each.cases:
            assert case.day == day_of[case.reviewer, case.target]
            assert case.day == max(day or 0 for reviewer, _, day in every if reviewer == case.reviewer)
            assert newest < case.day
            assert all((day_of[case.reviewer, product] or 0) <= case.day for product in case.history)
    cases = [case.reviewer for each in splits for case in each.cases]
    assert len(cases) == len(set(cases)) > 40


def test_without_times_rolling_is_refused() -> None:
    data = dataset(**{f"r{n}": [("A", None), ("B", None), ("C", None)] for n in range(60)})
    with pytest.raises(ValueError, match="needs the times of at least 15 reviewers"):
        rolling(data)


def test_recent_popularity_counts_reviews_before_the_day() -> None:
    recent = RecentPopularity(Weights(half_life=1))
    recent.fit(Known([(0, 0, 1), (1, 0, 1), (2, 1, 9), (3, 2, 20)], [""] * 4, 4))
    assert recent.recommend(Case(9, [3], 1, 10), 3).products == [1, 0, 2]
    assert recent.recommend(Case(9, [1], 1, 30), 2).products == [2, 0]
    aged = RecentPopularity(Weights(half_life=1), trend_age=20)
    aged.fit(Known([(0, 0, 1), (2, 1, 9), (3, 1, 9)], [""] * 3, 4))
    assert aged.recommend(Case(9, [], 1, 25), 1).products == [0]


def test_repeated_reviews_of_a_product_are_counted() -> None:
    data = dataset(anna=[("A", 1), ("B", 2), ("A", 3)])
    assert data.repeated == 1
    assert data.reviews["anna"] == {0: 1, 1: 2}


class Fixed:
    """Recommends the same list to every reviewer."""

    def __init__(self, *products: int) -> None:
        self.products = list(products)

    def fit(self, known: Known) -> None:
        pass

    def recommend(self, case: Case, length: int) -> RecommendedList:
        return RecommendedList(self.products[:length], False)


def test_metrics_of_known_lists() -> None:
    data = dataset(
        anna=[("A", 1), ("B", 2), ("C", 3)], bert=[("A", 1), ("B", 2), ("D", 3)], carl=[("A", 1), ("B", 2), ("E", 3)]
    )
    figures = evaluate(Fixed(2, 0, 3), split(data, "last-file", hidden="test"))
    assert figures.reviewers == 3
    assert figures.hit_rate == pytest.approx(2 / 3)
    assert figures.ndcg == pytest.approx((1 + 1 / 2) / 3)  # at the first place and at the third
    assert figures.coverage == pytest.approx(3 / 5)
    assert figures.hit_rate_interval[0] < 2 / 3 < figures.hit_rate_interval[1]
    assert evaluate(Popularity(), split(data, "last-file", hidden="test")).backfilled == 1


def test_without_long_enough_histories_it_raises() -> None:
    with pytest.raises(ValueError, match="no reviewer has 3 reviews"):
        evaluate(Popularity(), split(dataset(anna=[("A", 1)]), "last-file", hidden="test"))


def test_demand_counts_reviews_before_the_day() -> None:
    demand = Demand(Known([(0, 7, 10), (1, 7, 40), (2, 8, 41), (3, 9, None)], [""] * 10, 4), half_life=30)
    demand.advance(40)
    assert demand.get(7) == pytest.approx(0.5)  # without the reviews of the day itself
    demand.advance(41)
    assert demand.get(7) == pytest.approx((0.5 + 1) * 0.5 ** (1 / 30))
    assert demand.get(8) == demand.get(9) == 0


def test_served_lists_are_backfilled_with_popular_unseen_products() -> None:
    reviews = [(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 1), (2, 2, 1), (3, 2, 1), (4, 2, 1), (5, 3, 1)]
    served = Served(Weights(text=0))
    served.fit(Known(reviews, [""] * 4, 6))
    assert served.recommend(Case(9, [0], 1, 5), 3) == RecommendedList([1, 2, 3], False)
    assert served.recommend(Case(9, [3], 1, 5), 3) == RecommendedList([2, 0, 1], True)


def test_ease_solves_its_definition() -> None:
    rng = np.random.default_rng(1)
    dense = (rng.random((30, 5)) < 0.4).astype(float)
    known = Known([(int(r), int(p), 1) for r, p in np.argwhere(dense)], [""] * 5, 30)
    ease = Ease(3.0, Weights())
    ease.fit(known)
    for product in range(5):  # ridge regression of each column on the others
        others = [each for each in range(5) if each != product]
        x = dense[:, others]
        expected = np.linalg.solve(x.T @ x + 3.0 * np.eye(4), x.T @ dense[:, product])
        assert ease._matrix[others, product] == pytest.approx(expected)
