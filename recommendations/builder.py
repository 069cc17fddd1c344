"""From all reviews and products to a build: have an engine find neighbours, store them, publish."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import orjson
from django.conf import settings

from catalog.importers.upsert import Row, Table, encode, insert
from recommendations import builds
from recommendations.engines import Computed, Place, Stages, local
from recommendations.models import Build, Neighbours, Popular
from recommendations.similarity import Neighbours as Found
from recommendations.weights import Weights

CHUNK = 50_000  # rows written at once

NEIGHBOURS = Table(Neighbours._meta.db_table, ("build_id", "product", "others"), ("build_id", "product"))
POPULAR = Table(
    Popular._meta.db_table, ("build_id", "category", "place", "product", "score"), ("build_id", "category", "place")
)


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
        computed = local.compute(weights, stages)
        with stages.stage("neighbours"):
            found = sum(_store(made, block, computed) for block in computed.neighbours)
        with stages.stage("popular"):
            while chunk := list(islice(computed.popular, CHUNK)):
                _store_popular(made, chunk, computed)
        counts = {"products": len(computed.ids), "reviews": computed.reviews, "neighbours": found}
        builds.publish(made, {**counts, "seconds": stages.seconds})
        return made


def _store(made: Build, block: Found, computed: Computed) -> int:
    def rows() -> Iterator[Row]:
        start = 0
        for product, count in enumerate(block.counts.tolist(), block.first):
            chosen = slice(start, start + count)
            start += count
            others = {
                "products": computed.ids[block.numbers[chosen]],
                "scores": block.scores[chosen],
                "from_reviews": block.from_reviews[chosen],
                "trends": computed.trends[block.numbers[chosen]],
            }
            text = orjson.dumps(others, option=orjson.OPT_SERIALIZE_NUMPY).decode()
            yield made.pk, int(computed.ids[product]), text

    insert(NEIGHBOURS, encode(rows()))
    return len(block.numbers)


def _store_popular(made: Build, places: Iterable[Place], computed: Computed) -> None:
    rows = ((made.pk, category, place, int(computed.ids[product]), score) for category, place, product, score in places)
    insert(POPULAR, encode(rows))
