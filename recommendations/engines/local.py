"""The engine for one machine. It holds all reviews in one sparse matrix, some twenty bytes for each."""

import time
from array import array
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np
from django.db import connection
from django.db.models import BigIntegerField, Func, Window
from django.db.models.functions import DenseRank
from numpy.typing import NDArray

from catalog.models import Product, Review, is_published
from recommendations.engines import DAY, Computed, PopularRow, Stages, binary_copy
from recommendations.models import MOST_POPULAR, MOST_POPULAR_OF_CATEGORY
from recommendations.sequences import Matrix, in_order
from recommendations.similarity import find_neighbours, product_text, text_matrix
from recommendations.weights import Weights
from service.one_ahead import one_ahead

Categories = list[tuple[str, ...]]  # of each product


@dataclass(frozen=True, slots=True)
class Reviews:
    """For each review: the number of its reviewer, the index of its product, its day since 1970, and its age in days
    before the newest."""

    reviewers: NDArray[np.int32]
    products: NDArray[np.int32]
    days: NDArray[np.int32]
    ages: NDArray[np.float32]


class HashOfText(Func):
    """A 64-bit hash of a text, on PostgreSQL. A collision among ten million names has a chance of one in 400,000."""

    function = "hashtextextended"
    template = "%(function)s(%(expressions)s, 0)"
    output_field = BigIntegerField()


@contextmanager
def compute(weights: Weights, stages: Stages) -> Iterator[Computed]:
    """Read all products and reviews, then find neighbours block by block."""
    count = Product.objects.count()
    with stages.stage("products", count):
        ids, categories, texts = _read_products(count, stages)
    with stages.stage("reviews"):
        reviews = _read_reviews(ids, stages)
        popularity = _recent(reviews, len(ids), weights.popular_half_life)
        trends = _recent(reviews, len(ids), weights.half_life).astype(np.float32)
        sequences = in_order(reviews.reviewers, reviews.products, reviews.days)
    # The next block is computed while the database stores the current one.
    with closing(one_ahead(find_neighbours(sequences, texts, weights), "neighbours")) as neighbours:
        yield Computed(ids, len(reviews.days), trends, neighbours, _most_popular(categories, popularity))


def _read_products(count: int, stages: Stages) -> tuple[NDArray[np.int64], Categories, Matrix]:
    columns = ("id", "title", "brand", "categories", "description")
    ids, categories = array("q"), []
    once: dict[tuple[str, ...], tuple[str, ...]] = {}  # shares equal tuples, to save memory

    def texts() -> Iterator[str]:
        rows = Product.objects.order_by("id").values_list(*columns)
        for number, title, brand, names, description in rows.iterator(2000):
            ids.append(number)
            categories.append(once.setdefault(tuple(names), tuple(names)))
            stages.advance(1)
            yield product_text(title, brand, names, description)

    matrix = text_matrix(texts(), count)
    return np.frombuffer(ids, np.int64), categories, matrix


def _read_reviews(ids: NDArray[np.int64], stages: Stages) -> Reviews:
    # The database numbers the reviewers: a dictionary of a million names would be most of the memory of a build.
    on_postgresql = connection.vendor == "postgresql"
    number = HashOfText("reviewer_id") if on_postgresql else Window(DenseRank(), order_by="reviewer_id")
    published = Review.objects.filter(is_published).order_by().annotate(number=number)
    rows = published.values_list("number", "product__id", "unix_review_time")
    reviewers, products = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
    days, times = [np.empty(0, np.int32)], [np.empty(0, np.float32)]

    def take(chunk: NDArray[np.int64]) -> None:
        places = np.searchsorted(ids, chunk[:, 1])
        known = places < len(ids)
        # Drop reviews of products that were added after the products were read.
        known[known] = ids[places[known]] == chunk[known, 1]
        reviewers.append(chunk[known, 0])
        products.append(places[known].astype(np.int32))
        days.append((chunk[known, 2] // DAY).astype(np.int32))
        times.append((chunk[known, 2] / DAY).astype(np.float32))
        stages.advance(len(chunk))

    binary_copy.read(rows, 3, take)
    _, numbers = np.unique(np.concatenate(reviewers), return_inverse=True)
    # A date in the future counts as now: one wrong date must not make all other reviews old.
    dated = np.minimum(np.concatenate(times), np.float32(time.time() / DAY))
    ages = dated.max(initial=0) - dated
    return Reviews(numbers.astype(np.int32), np.concatenate(products), np.concatenate(days), ages)


def _recent(reviews: Reviews, products: int, half_life: float) -> NDArray[np.float64]:
    """The number of reviews of each product, each halved for every ``half_life`` days before the newest review."""
    counts = np.bincount(reviews.products, weights=0.5 ** (reviews.ages / half_life), minlength=products)
    return counts.astype(np.float64)


def _most_popular(categories: Categories, popularity: NDArray[np.float64]) -> Iterator[PopularRow]:
    """The popular products of each category at any depth, and of all."""
    taken: dict[str, int] = defaultdict(int)
    for product in np.argsort(-popularity, kind="stable").tolist():
        for category in dict.fromkeys(("", *categories[product])):
            if taken[category] < (MOST_POPULAR_OF_CATEGORY if category else MOST_POPULAR):
                taken[category] += 1
                yield category, taken[category], product, float(popularity[product])
