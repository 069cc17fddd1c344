import gc
import sys
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest

from catalog.models import Product, Review
from resilience.stale_cache import ENTRY, StaleCache, approximate_size
from tests.resilience.doubles import Clock

DAY = 86_400


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("resilience.stale_cache.time", SimpleNamespace(monotonic=clock))
    return clock


def test_get_returns_the_answer_and_its_age(clock: Clock) -> None:
    kept = StaleCache(max_age=DAY)
    assert kept.get("q") is None
    kept.put("q", ["answer"])
    clock.now += 75.5
    assert kept.get("q") == (["answer"], 75.5)


def test_new_answer_replaces_the_old_one(clock: Clock) -> None:
    kept = StaleCache(max_age=100)
    kept.put("q", 1)
    clock.now += 90
    kept.put("q", 2)
    clock.now += 90
    assert kept.get("q") == (2, 90)


def test_the_same_answer_again_is_younger_and_not_measured_again(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = StaleCache(max_age=100)
    kept.put("q", [("row", 1)])
    clock.now += 90
    monkeypatch.delattr("resilience.stale_cache.approximate_size")
    kept.put("q", [("row", 1)])
    clock.now += 90
    assert kept.get("q") == ([("row", 1)], 90)


def test_none_can_be_kept(clock: Clock) -> None:
    kept = StaleCache(max_age=DAY)
    kept.put("none", None)
    kept.put("empty", [])
    assert (kept.get("none"), kept.get("empty")) == ((None, 0), ([], 0))


def test_answer_expires_even_if_it_is_used(clock: Clock) -> None:
    kept = StaleCache(max_age=100)
    kept.put("q", 1)
    for _ in range(9):
        clock.now += 11
        assert kept.get("q") is not None
    clock.now += 1
    assert kept.get("q") is None


def test_discarded_answer_is_gone(clock: Clock) -> None:
    kept = StaleCache(max_age=DAY)
    kept.put("q", 1)
    kept.discard("q")
    kept.discard("q")
    assert kept.get("q") is None


def test_answer_that_is_too_large_evicts_nothing(clock: Clock) -> None:
    kept = StaleCache(max_age=DAY, max_bytes=1000)
    kept.put("small", "x")
    kept.put("large", "x" * 1001)
    assert kept.get("large") is None
    assert kept.get("small") is not None


def test_answer_of_the_maximum_size_is_kept() -> None:
    answer = "x" * 1000
    kept = StaleCache(max_age=DAY, max_bytes=ENTRY + approximate_size("q") + approximate_size(answer))
    kept.put("q", answer)
    assert kept.get("q") is not None


def test_size_is_bounded() -> None:
    kept = StaleCache(max_age=DAY, max_bytes=100_000)
    for key in range(1000):
        kept.put(key, "x" * 1000)
    found = [key for key in range(1000) if kept.get(key)]
    assert found == list(range(found[0], 1000))
    assert 60 < len(found) <= 100


@pytest.mark.slow
def test_keys_count_towards_the_size() -> None:
    kept = StaleCache(max_age=DAY, max_bytes=1_000_000)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(10_000):
            kept.put(("reviews", ("reviewer_id", f"{number:05}" + "x" * (number % 1000))), [])
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 2_000_000


def test_replaced_answer_counts_with_its_new_size() -> None:
    kept = StaleCache(max_age=DAY, max_bytes=100_000)
    for answer in ([], ["x" * 1000], ["x" * 60_000]):
        for key in range(50):
            kept.put(key, answer)
    assert [key for key in range(50) if kept.get(key)] == [49]
    kept.put(49, ["x" * 100_000])
    assert kept.get(49) is None  # the old answer must not stay


def test_many_threads_can_use_it() -> None:
    kept = StaleCache(max_age=DAY, max_bytes=20_000)
    begin = threading.Barrier(8, timeout=10)

    def use(number: int) -> None:
        begin.wait()
        for turn in range(2000):
            key = (number * turn) % 50
            kept.put(key, str(key) * 400)
            found = kept.get(key)
            assert found is None or found[0] == str(key) * 400
            if turn % 7 == 0:
                kept.discard(key)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(use, range(8)))
    finally:
        sys.setswitchinterval(interval)


def products(text: str) -> list[Product]:
    return [
        Product(
            id=1000 + n,
            asin=f"P{n:07}",
            title=f"Product {n}",
            description=f"{n} {text}",
            related={"also_bought": [f"P{n + other:07}" for other in range(20)]},
            sales_rank={"Office": n + 1_000_000},
            categories=[f"first {n}", f"second {n}"],
        )
        for n in range(200)
    ]


def reviews(text: str) -> list[Review]:
    return [
        Review(reviewer_id=f"R{n:08}", product_id=f"P{n:07}", review_text=f"{n} {text}", unix_review_time=1_391_817_600)
        for n in range(200)
    ]


def wire(text: str) -> list[dict[str, Any]]:
    return [{"asin": f"P{n:07}", "title": f"{n} {text}", "price": n + 0.5, "related": {}} for n in range(200)]


def pairs(text: str) -> list[Any]:
    return [(n, (f"{n} {text}", f"{n} {text}")) for n in range(200)]


def by_name(text: str) -> list[Any]:
    return [{f"{n} {text}": n + 1000 for n in range(200)}]


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize("shared", [Colour.RED, Colour])
def test_the_parts_of_what_all_answers_share_do_not_count(shared: object) -> None:
    assert approximate_size((shared,)) == sys.getsizeof((shared,)) + sys.getsizeof(shared)


@pytest.mark.parametrize("make", [products, reviews, wire, pairs, by_name])
@pytest.mark.parametrize("text", ["", "x" * 60, "x" * 5000, "ü" * 500, "万" * 500, "😀" * 2000])
def test_approximate_size_is_within_a_factor_of_two(make: Callable[[str], list[Any]], text: str) -> None:
    answer = make(text)
    assert 0.5 < approximate_size(answer) / memory_of(answer) < 2


def memory_of(value: Any) -> int:
    """Return the bytes of all objects reachable from ``value``, without classes, functions and modules."""
    sizes: dict[int, int] = {}
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if id(one) in sizes or isinstance(one, type) or callable(one):
            continue
        sizes[id(one)] = sys.getsizeof(one)
        waiting += gc.get_referents(one)
        if isinstance(one, dict):
            waiting += one  # gc does not report text keys
        if hasattr(one, "__dict__"):
            waiting.append(vars(one))
    return sum(sizes.values())
