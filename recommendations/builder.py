"""From all reviews and products to a build: read, find neighbours, store, publish."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from django.conf import settings
from django.db.models import Window
from django.db.models.functions import DenseRank
from numpy.typing import NDArray

from catalog.importers.upsert import Row, Table, encode, insert
from catalog.models import Product, Review
from recommendations import builds
from recommendations.models import MOST_POPULAR, MOST_POPULAR_OF_CATEGORY, Build, Neighbours, Popular
from recommendations.similarity import Neighbours as Found
from recommendations.similarity import find_neighbours, product_text, review_matrix, text_matrix
from recommendations.weights import Weights

DAY = 86_400
CHUNK = 50_000  # rows read or written at once

NEIGHBOURS = Table(Neighbours._meta.db_table, ("build_id", "product", "others"), ("build_id", "product"))
POPULAR = Table(
    Popular._meta.db_table, ("build_id", "category", "place", "product", "score"), ("build_id", "category", "place")
)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Products by their place in ``ids``, which ascend."""

    ids: NDArray[np.int64]
    categories: list[list[str]]
    texts: list[str]


@dataclass(frozen=True, slots=True)
class Reviews:
    """Of each review the number of its reviewer, the place of its product, and its day since 1970."""

    reviewers: NDArray[np.int64]
    products: NDArray[np.int64]
    days: NDArray[np.float64]


@dataclass
class Stages:
    """Times them, and tells ``begin`` their names."""

    begin: Callable[[str], object]
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.begin(name)
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 2)


def build(*, if_changed: bool = False, begin: Callable[[str], object] = lambda stage: None) -> Build | None:
    """Make a build and publish it. With ``if_changed`` None where nothing is new since the active one.

    ``begin`` is told the name of each stage. Raises builds.Busy.
    """
    weights: Weights = settings.RECOMMENDATION_WEIGHTS
    with builds.only_one():
        made_of = builds.source()
        now = builds.active()
        if if_changed and now and now.source == made_of:
            return None
        stages = Stages(begin)
        made = builds.start(made_of)
        with stages.stage("products"):
            catalogue = _read_products()
        with stages.stage("reviews"):
            reviews = _read_reviews(catalogue)
        with stages.stage("texts"):
            texts = text_matrix(catalogue.texts)
        with stages.stage("neighbours"):
            shape = (int(reviews.reviewers.max(initial=-1)) + 1, len(catalogue.ids))
            matrix = review_matrix(reviews.reviewers, reviews.products, shape)
            trends = _recent(reviews, len(catalogue.ids), weights.half_life).astype(np.float32)
            found = sum(_store(made, block, catalogue, trends) for block in find_neighbours(matrix, texts, weights))
        with stages.stage("popular"):
            popularity = _recent(reviews, len(catalogue.ids), weights.popular_half_life)
            insert(POPULAR, encode(_most_popular(made, catalogue, popularity)))
        counts = {"products": len(catalogue.ids), "reviews": len(reviews.days), "neighbours": found}
        builds.publish(made, {**counts, "seconds": stages.seconds})
        return made


def _read_products() -> Catalogue:
    columns = ("id", "title", "brand", "categories", "description")
    ids, categories, texts = [], [], []
    for number, title, brand, names, description in Product.objects.order_by("id").values_list(*columns).iterator(2000):
        ids.append(number)
        categories.append(names)
        texts.append(product_text(title, brand, names, description))
    return Catalogue(np.array(ids, dtype=np.int64), categories, texts)


def _read_reviews(catalogue: Catalogue) -> Reviews:
    # Numbered by the database: a dictionary of a million names would be most of the memory that a build takes.
    number = Window(DenseRank(), order_by="reviewer_id")
    rows = Review.objects.order_by().annotate(number=number).values_list("number", "product__id", "unix_review_time")
    chunks = [np.empty((0, 3), np.int64)]
    chunk: list[Any] = []
    for row in rows.iterator(CHUNK):
        chunk.append(row)
        if len(chunk) == CHUNK:
            chunks.append(np.array(chunk, np.int64))
            chunk = []
    chunks.append(np.array(chunk, np.int64).reshape(-1, 3))
    numbers, ids, times = np.concatenate(chunks).T
    places = np.searchsorted(catalogue.ids, ids)
    # Of products that are newer than the catalogue as it was read.
    known = (places < len(catalogue.ids)) & (catalogue.ids[np.minimum(places, len(catalogue.ids) - 1)] == ids)
    return Reviews(numbers[known] - 1, places[known], times[known] / DAY)


def _recent(reviews: Reviews, products: int, half_life: float) -> NDArray[np.float64]:
    """Reviews of each product, each halved for every ``half_life`` days before the newest one."""
    ages = reviews.days.max(initial=0) - reviews.days
    return np.bincount(reviews.products, weights=0.5 ** (ages / half_life), minlength=products).astype(np.float64)


def _store(made: Build, block: Found, catalogue: Catalogue, trends: NDArray[np.float32]) -> int:
    def rows() -> Iterator[Row]:
        start = 0
        for product, count in enumerate(block.counts.tolist(), block.first):
            chosen = slice(start, start + count)
            start += count
            others = {
                "products": catalogue.ids[block.numbers[chosen]],
                "scores": block.scores[chosen],
                "from_reviews": block.from_reviews[chosen],
                "trends": trends[block.numbers[chosen]],
            }
            text = orjson.dumps(others, option=orjson.OPT_SERIALIZE_NUMPY).decode()
            yield made.pk, int(catalogue.ids[product]), text

    insert(NEIGHBOURS, encode(rows()))
    return len(block.numbers)


def _most_popular(made: Build, catalogue: Catalogue, popularity: NDArray[np.float64]) -> Iterator[Row]:
    """By category at every depth, and of all."""
    taken: dict[str, int] = defaultdict(int)
    for product in np.argsort(-popularity, kind="stable").tolist():
        for category in dict.fromkeys(["", *catalogue.categories[product]]):
            if taken[category] < (MOST_POPULAR_OF_CATEGORY if category else MOST_POPULAR):
                taken[category] += 1
                yield made.pk, category, taken[category], int(catalogue.ids[product]), float(popularity[product])
