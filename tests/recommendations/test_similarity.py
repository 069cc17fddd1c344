"""Neighbours, compared with the formula for each pair."""

import math
from collections import Counter
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommendations import similarity
from recommendations.similarity import Matrix, find_neighbours, product_text, review_matrix
from recommendations.weights import Weights

WORDS = ["desk", "lamp", "paper", "pencil", "stapler", ""]
ONLY_REVIEWS = Weights(text=0, activity=0, shrinkage=10)


def matrix(reviews: set[tuple[int, int]], products: int) -> Matrix:
    pairs = np.array(sorted(reviews), dtype=np.int64).reshape(-1, 2)
    return review_matrix(pairs[:, 0], pairs[:, 1], (10, products))


def text_matrix(texts: list[str]) -> Matrix:
    return similarity.text_matrix(texts, len(texts))


def neighbours(reviews: Matrix, texts: Matrix, weights: Weights) -> dict[int, list[tuple[int, Any]]]:
    found = {}
    for block in find_neighbours(reviews, texts, weights):
        start = 0
        for product, count in enumerate(block.counts, block.first):
            chosen = slice(start, start + count)
            pairs = zip(block.numbers[chosen], block.scores[chosen], strict=True)
            found[product] = [(int(number), pytest.approx(float(score), rel=1e-4)) for number, score in pairs]
            start += count
    return found


def worked_out(reviews: set[tuple[int, int]], texts: list[str], weights: Weights) -> dict[int, list[tuple[int, float]]]:
    vectors = text_matrix(texts).toarray()
    of = {product: {r for r, p in reviews if p == product} for product in range(len(texts))}
    counts = Counter(reviewer for reviewer, _ in reviews)
    weight = {reviewer: count**-weights.activity for reviewer, count in counts.items()}
    mean = fmean(weight.values()) if weight else 1

    def together(group: set[int]) -> float:
        return math.fsum(weight[reviewer] / mean for reviewer in group)

    found = {}
    for one in of:
        scores = {}
        for other in of:
            norm = math.sqrt(together(of[one]) * together(of[other]))
            both = together(of[one] & of[other]) / (norm + weights.shrinkage) if norm else 0
            scores[other] = both + weights.text * float(vectors[one] @ vectors[other])
        ranked = sorted(((other, score) for other, score in scores.items() if other != one), key=lambda each: -each[1])
        found[one] = [each for each in ranked if each[1] > 1e-9][: weights.neighbours]
    return found


@settings(max_examples=60, deadline=None)
@given(
    reviews=st.sets(st.tuples(st.integers(0, 9), st.integers(0, 7)), max_size=40),
    texts=st.lists(st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join), min_size=8, max_size=8),
    weights=st.builds(
        Weights,
        activity=st.sampled_from([0.0, 0.5, 1.0]),
        shrinkage=st.sampled_from([0.0, 1.0, 10.0]),
        text=st.sampled_from([0.0, 0.2, 1.0]),
    ),
)
def test_neighbours_match_the_formula(reviews: set[tuple[int, int]], texts: list[str], weights: Weights) -> None:
    found = neighbours(matrix(reviews, 8), text_matrix(texts), weights)
    expected = worked_out(reviews, texts, weights)
    assert found.keys() == expected.keys()
    for product, pairs in expected.items():
        # Equal scores may come in any order, because rounding differs.
        assert sorted(found[product], key=lambda pair: pair[0]) == sorted(pairs)


def test_only_the_best_neighbours_are_kept() -> None:
    reviews = {(reviewer, product) for product in range(6) for reviewer in range(product + 1)}
    found = neighbours(
        matrix(reviews, 6), text_matrix([""] * 6), Weights(text=0, neighbours=2, shrinkage=0, activity=0)
    )
    assert [number for number, _ in found[5]] == [4, 3]


def test_shrinkage_lowers_scores_with_few_reviewers() -> None:
    # 0 and 1 share their only reviewer; 2 and 3 share all of their five.
    reviews = {(0, 0), (0, 1)} | {(reviewer, product) for product in (2, 3) for reviewer in range(5)}
    found = neighbours(matrix(reviews, 4), text_matrix([""] * 4), ONLY_REVIEWS)
    assert found[0][0] == (1, 1 / 11)
    assert found[2][0] == (3, 5 / 15)


def test_a_product_without_reviews_has_neighbours_by_text() -> None:
    texts = ["red fountain pen", "blue fountain pen", "office chair"]
    (block,) = find_neighbours(matrix({(0, 0), (0, 2)}, 3), text_matrix(texts), Weights())
    assert block.counts[1] == 1
    of_one = block.counts[0]
    assert block.numbers[of_one] == 0
    assert block.from_reviews[of_one] == 0


def test_the_part_from_reviews_is_separate() -> None:
    (block,) = find_neighbours(matrix({(0, 0), (0, 1)}, 2), text_matrix(["pen", "pen"]), Weights(shrinkage=1, text=0.5))
    assert block.scores[0] == pytest.approx(0.5 + 0.5)
    assert block.from_reviews[0] == pytest.approx(0.5)


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["the", "of"]])
def test_a_catalogue_without_texts_and_reviews_has_no_neighbours(texts: list[str]) -> None:
    found = neighbours(matrix(set(), len(texts)), text_matrix(texts), Weights())
    assert found == {product: [] for product in range(len(texts))}


def test_the_block_size_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    reviews = {(int(reviewer), int(product)) for reviewer, product in rng.integers(0, 10, (60, 2))}
    texts = [" ".join(rng.choice(WORDS, 3)) for _ in range(10)]
    whole = neighbours(matrix(reviews, 10), text_matrix(texts), Weights())
    monkeypatch.setattr(similarity, "BLOCK", 3)
    assert neighbours(matrix(reviews, 10), text_matrix(texts), Weights()) == whole


def test_the_text_of_a_product_is_all_of_its_words() -> None:
    assert product_text("Pen", None, ["Office", "Pens"], "Writes.") == "Pen Office Pens Writes."
