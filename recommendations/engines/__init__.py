"""What makes a build of all products and reviews: on this machine, or on a cluster, with the same outcome."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recommendations.similarity import Neighbours
from recommendations.weights import Weights

DAY = 86_400

# A category ("" for all of them), a place in it that starts at 1, the product by its place, and its popularity.
PopularRow = tuple[str, int, int, float]


class EngineError(Exception):
    """The engine cannot be used, and why, in one line."""


@dataclass(frozen=True, slots=True)
class Computed:
    """Products are told by their place in ``ids``, which ascend. The iterators may compute as they go.

    ``trends`` has of each product its reviews, each halved for every ``half_life`` days before the newest one of all.
    """

    ids: NDArray[np.int64]
    reviews: int
    trends: NDArray[np.float32]
    neighbours: Iterator[Neighbours]
    popular: Iterator[PopularRow]


@dataclass
class Stages:
    """Times them, and tells how far they are: ``begin`` gets a stage's name and its length where it is known,
    ``advance`` the rows that are done."""

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
