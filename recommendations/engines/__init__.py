"""Engines compute a build from all products and reviews, on this machine or on a cluster, with equal results."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recommendations.similarity import NeighbourBlock
from recommendations.weights import Weights

DAY = 86_400

# A category ("" for all), the place in it from 1 on, the index of the product in ``Computed.ids``, and its popularity.
PopularRow = tuple[str, int, int, float]


class EngineError(Exception):
    """The engine cannot be used. The message is one line."""


@dataclass(frozen=True, slots=True)
class Computed:
    """The result of an engine. Products are indexes into ``ids``, which ascend. The iterators may compute lazily.

    ``trends`` counts the reviews of each product, each halved for every ``half_life`` days before the newest review.
    """

    ids: NDArray[np.int64]
    reviews: int
    trends: NDArray[np.float32]
    neighbours: Iterator[NeighbourBlock]
    popular: Iterator[PopularRow]


@dataclass
class Stages:
    """Times the stages of a build and reports progress.

    ``begin`` gets a stage's name and its length, if known. ``advance`` gets the number of rows done.
    """

    begin: Callable[[str, int | None], object] = field(default=lambda name, length: None)
    advance: Callable[[int], object] = field(default=lambda rows: None)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, length: int | None = None) -> Iterator[None]:
        self.begin(name, length)
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 2)


Engine = Callable[[Weights, Stages], AbstractContextManager[Computed]]
