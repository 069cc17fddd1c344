"""Tune the weights by coordinate search: two rounds over all weights, on the validation items."""

from collections.abc import Iterator
from dataclasses import replace

from recommendations.evaluation.models import Served
from recommendations.evaluation.protocol import Split, evaluate
from recommendations.weights import Weights

ROUNDS = 2
VALUES: dict[str, tuple[float, ...]] = {
    "text": (0, 0.1, 0.15, 0.2, 0.3, 0.5),
    "text_shrinkage": (0, 250, 500, 1000),
    "window": (5, 10, 20),
    "decay": (0.8, 0.9, 1),
    "backward": (0, 0.3, 0.5, 1),
    "same_day": (0.5, 0.75, 1),
    "own": (0.5, 0.6, 0.7, 0.8),
    "activity": (0, 0.25, 0.5, 1),
    "shrinkage": (0, 2, 5, 10, 20),
    "recency": (0.4, 0.5, 0.6, 0.7, 0.8, 1),
    "trend": (0, 0.5, 1, 2, 4),
    "half_life": (3.5, 5, 7, 14, 30, 60),
}


def tune(validation: Split, weights: Weights) -> Iterator[tuple[Weights, float]]:
    """Yield ``weights`` and then each better set of weights, with their NDCG."""
    best = evaluate(Served(weights), validation).ndcg
    yield weights, best
    for name, values in [*VALUES.items()] * ROUNDS:
        for value in values:
            if value != getattr(weights, name):
                tried = replace(weights, **{name: value})  # type: ignore[arg-type]
                ndcg = evaluate(Served(tried), validation).ndcg
                if ndcg > best:
                    weights, best = tried, ndcg
                    yield weights, best
