"""Neighbours, compared with the formula for each pair."""

import math
from collections import Counter
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommendations import sequences, similarity
from recommendations.sequences import Matrix, Sequences, in_order, scattered
from recommendations.similarity import find_neighbours, product_text
from recommendations.weights import Weights

WORDS = ["desk", "lamp", "paper", "pencil", "stapler", ""]
ONLY_REVIEWS = Weights(text=0, activity=0, shrinkage=10)
Reviews = dict[tuple[int, int], int]  # the day of a reviewer's review of a product


def ordered(reviews: Reviews) -> Sequences:
    rows = np.array([(*pair, day) for pair, day in reviews.items()], dtype=np.int64).reshape(-1, 3)
    return in_order(*rows.T)


def text_matrix(texts: list[str]) -> Matrix:
    return similarity.text_matrix(texts, len(texts))


def neighbours(reviews: Reviews, texts: list[str], weights: Weights) -> dict[int, list[tuple[int, Any]]]:
    found = {}
    for block in find_neighbours(ordered(reviews), text_matrix(texts), weights):
        start = 0
        for product, count in enumerate(block.counts, block.first):
            chosen = slice(start, start + count)
            pairs = zip(block.numbers[chosen], block.scores[chosen], strict=True)
            found[product] = [(int(number), pytest.approx(float(score), rel=1e-4)) for number, score in pairs]
            start += count
    return found


def worked_out(reviews: Reviews, texts: list[str], weights: Weights) -> dict[int, list[tuple[int, float]]]:
    vectors = text_matrix(texts).toarray()
    counts = Counter(reviewer for reviewer, _ in reviews)
    weight = {reviewer: count**-weights.activity for reviewer, count in counts.items()}
    mean = fmean(weight.values()) if weight else 1
    of_product: Counter[int] = Counter()
    strength: Counter[tuple[int, int]] = Counter()
    for reviewer in counts:
        share = weight[reviewer] / mean
        own = {product: day for (someone, product), day in reviews.items() if someone == reviewer}
        steps = {day: step for step, day in enumerate(sorted(set(own.values())))}
        line = sorted(own, key=lambda product: (own[product], scattered(np.array(product)).item()))
        for place, one in enumerate(line):
            of_product[one] += share
            for distance, other in enumerate(line[place + 1 :], 1):
                apart = steps[own[other]] - steps[own[one]]
                value = share * weights.decay ** (apart - 1) if apart else share * weights.same_day
                if distance <= weights.window:
                    strength[one, other] += value
                    strength[other, one] += value * (weights.backward if apart else 1)
    found = {}
    for one in range(len(texts)):
        scores = {}
        for other in range(len(texts)):
            norm = of_product[one] ** weights.own * of_product[other] ** (1 - weights.own) + weights.shrinkage
            both = strength[one, other] / norm if norm else 0
            length = math.sqrt(float(vectors[one] @ vectors[one]) * float(vectors[other] @ vectors[other]))
            words = float(vectors[one] @ vectors[other]) / (length + weights.text_shrinkage) if length else 0
            scores[other] = both + weights.text * words
        ranked = sorted(((other, score) for other, score in scores.items() if other != one), key=lambda each: -each[1])
        found[one] = [each for each in ranked if each[1] > 1e-9][: weights.neighbours]
    return found


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    reviews=st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 7)), st.integers(-2, 3), max_size=40),
    texts=st.lists(st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join), min_size=8, max_size=8),
    weights=st.builds(
        Weights,
        activity=st.sampled_from([0.0, 0.5, 1.0]),
        window=st.sampled_from([1, 3, 100]),
        decay=st.sampled_from([0.0, 0.5, 1.0]),
        backward=st.sampled_from([0.0, 0.5]),
        same_day=st.sampled_from([0.0, 0.75]),
        own=st.sampled_from([0.0, 0.7]),
        shrinkage=st.sampled_from([0.0, 1.0, 10.0]),
        text=st.sampled_from([0.0, 0.2, 1.0]),
        text_shrinkage=st.sampled_from([0.0, 5.0]),
    ),
)
def test_neighbours_match_the_formula(reviews: Reviews, texts: list[str], weights: Weights) -> None:
    found = neighbours(reviews, texts, weights)
    expected = worked_out(reviews, texts, weights)
    assert found.keys() == expected.keys()
    for product, pairs in expected.items():
        # Equal scores may come in any order, because rounding differs.
        assert sorted(found[product], key=lambda pair: pair[0]) == sorted(pairs)


def test_only_the_best_neighbours_are_kept() -> None:
    reviews = {(reviewer, product): 0 for product in range(6) for reviewer in range(product + 1)}
    found = neighbours(reviews, [""] * 6, Weights(text=0, neighbours=2, shrinkage=0, activity=0, own=0.5))
    assert [number for number, _ in found[5]] == [4, 3]


def test_shrinkage_lowers_scores_with_few_reviewers() -> None:
    # 0 and 1 share their only reviewer; 2 and 3 share all of their five.
    reviews = {(0, 0): 1, (0, 1): 2} | {(reviewer, product): product for product in (2, 3) for reviewer in range(1, 6)}
    found = neighbours(reviews, [""] * 4, ONLY_REVIEWS)
    assert found[0][0] == (1, 1 / 11)
    assert found[2][0] == (3, 5 / 15)


def test_a_product_leads_to_later_ones_more_than_back() -> None:
    reviews = {(reviewer, product): product for product in range(3) for reviewer in range(5)}
    found = neighbours(reviews, [""] * 3, ONLY_REVIEWS)
    assert found[1] == [(2, 5 / 15), (0, 2.5 / 15)]
    assert found[0] == [(1, 5 / 15), (2, 4.5 / 15)]


def test_the_order_within_a_day_and_of_the_input_means_nothing() -> None:
    reviews = {(reviewer, product): 1 for product in range(4) for reviewer in range(3)}
    found = neighbours(reviews, [""] * 4, ONLY_REVIEWS)
    assert found == neighbours(dict(reversed(reviews.items())), [""] * 4, ONLY_REVIEWS)
    assert [score for pairs in found.values() for _, score in pairs] == [3 * 0.75 / 13] * 12


def test_a_few_words_prove_less_than_many() -> None:
    texts = ["red pen", "red pen", " ".join(WORDS), " ".join(WORDS)]
    found = neighbours({}, texts, Weights())
    assert found[2][0][0] == 3
    assert found[2][0][1].expected > found[0][0][1].expected


def test_popular_products_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    reviews = {(int(reviewer), int(product)): int(day) for reviewer, product, day in rng.integers(0, 10, (80, 3))}
    whole = neighbours(reviews, [""] * 10, Weights())
    monkeypatch.setattr(sequences, "PAIRS", 60)
    assert neighbours(reviews, [""] * 10, Weights()) == whole


def test_a_product_without_reviews_has_neighbours_by_text() -> None:
    texts = ["red fountain pen", "blue fountain pen", "office chair"]
    (block,) = find_neighbours(ordered({(0, 0): 1, (0, 2): 2}), text_matrix(texts), Weights())
    assert block.counts[1] == 1
    of_one = block.counts[0]
    assert block.numbers[of_one] == 0
    assert block.from_reviews[of_one] == 0


def test_words_in_very_many_texts_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"kind{n % 5} own{n % 50}" for n in range(100)]  # each kind is in 20 of 100 texts
    assert len(neighbours({}, texts, Weights())[0]) == 19
    monkeypatch.setattr(similarity, "MOST_TEXTS", 19)
    assert [number for number, _ in neighbours({}, texts, Weights())[0]] == [50]


def test_the_part_from_reviews_is_separate() -> None:
    weights = Weights(shrinkage=1, text=0.5, text_shrinkage=0)
    (block,) = find_neighbours(ordered({(0, 0): 1, (0, 1): 2}), text_matrix(["pen", "pen"]), weights)
    assert block.scores[0] == pytest.approx(0.5 + 0.5)
    assert block.from_reviews[0] == pytest.approx(0.5)


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["the", "of"]])
def test_a_catalogue_without_texts_and_reviews_has_no_neighbours(texts: list[str]) -> None:
    found = neighbours({}, texts, Weights())
    assert found == {product: [] for product in range(len(texts))}


def test_the_block_size_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    reviews = {(int(reviewer), int(product)): int(day) for reviewer, product, day in rng.integers(0, 10, (60, 3))}
    texts = [" ".join(rng.choice(WORDS, 3)) for _ in range(10)]
    whole = neighbours(reviews, texts, Weights())
    monkeypatch.setattr(similarity, "BLOCK", 3)
    assert neighbours(reviews, texts, Weights()) == whole


def test_the_text_of_a_product_is_all_of_its_words() -> None:
    assert product_text("Pen", None, ["Office", "Pens"], "Writes.") == "Pen Office Pens Writes."
