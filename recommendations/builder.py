"""Make a build from all products and reviews: an engine finds neighbours, this module stores and publishes them."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
from django.conf import settings
from numpy.typing import NDArray

from catalog.importers.upsert import Row, Table, encode, insert
from recommendations import builds
from recommendations.chunks import in_chunks
from recommendations.engines import Computed, Engine, Stages, local
from recommendations.models import Build, Neighbours, Popular
from recommendations.similarity import NeighbourBlock
from recommendations.weights import Weights

CHUNK = 2_000  # rows per insert

NEIGHBOURS = Table(Neighbours._meta.db_table, ("build_id", "product", "others"), ("build_id", "product"))
POPULAR = Table(
    Popular._meta.db_table, ("build_id", "category", "place", "product", "score"), ("build_id", "category", "place")
)


def build(
    engine: Engine = local.compute,
    source: Callable[[], dict[str, Any]] = builds.source,
    *,
    if_changed: bool = False,
    stages: Stages | None = None,
) -> Build | None:
    """Make a build and publish it. With ``if_changed``, return None if nothing is new since the newest build.

    ``source`` describes what ``engine`` reads. ``stages`` receives the progress. Raises builds.BuildRunning and
    EngineError.
    """
    weights: Weights = settings.RECOMMENDATION_WEIGHTS
    with builds.exclusive():
        made_of = source()
        newest = builds.newest()  # not the active one after a rollback
        if if_changed and newest and newest.source == made_of:
            return None
        stages = stages or Stages()
        made = builds.start(made_of)
        with engine(weights, stages) as computed:
            ids = computed.ids
            with stages.stage("neighbours", len(ids)):
                found = 0
                for block in computed.neighbours:
                    _store(made, block, computed)
                    found += len(block.numbers)
                    stages.advance(len(block.counts))
            with stages.stage("popular"):
                _insert(POPULAR, ((made.pk, name, n, int(ids[p]), score) for name, n, p, score in computed.popular))
        counts = {"products": len(ids), "reviews": computed.reviews, "neighbours": found}
        builds.publish(made, {**counts, "seconds": stages.seconds})
        return made


def _store(made: Build, block: NeighbourBlock, computed: Computed) -> None:
    others: dict[str, NDArray[Any]] = {
        "products": computed.ids[block.numbers],
        "scores": block.scores,
        "from_reviews": block.from_reviews,
        "trends": computed.trends[block.numbers],
    }

    def rows() -> Iterator[Row]:
        start = 0
        for product, count in enumerate(block.counts.tolist(), block.first):
            own = {name: values[start : start + count] for name, values in others.items()}
            start += count
            yield made.pk, int(computed.ids[product]), orjson.dumps(own, option=orjson.OPT_SERIALIZE_NUMPY).decode()

    _insert(NEIGHBOURS, rows())


def _insert(table: Table, rows: Iterator[Row]) -> None:
    for chunk in in_chunks(rows, CHUNK):
        insert(table, encode(chunk))
