from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY

from resilience import breakers, fallback, provenance, scope, stale_cache
from resilience.errors import DependencyUnavailable, ExpectedError
from resilience.fallback import protected_write, with_fallback
from resilience.http import BadAnswer


class Source:
    """A dependency that can be down."""

    up = True
    known = True
    asked = 0

    def __call__(self, *, name: str, size: int = 1) -> str:
        self.asked += 1
        if not self.up:
            raise BadAnswer
        if not self.known:
            raise ExpectedError
        return f"{name}{size}"


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def read(source: Source) -> Callable[..., str]:
    def ask(*, name: str, size: int = 1) -> str:
        return source(name=name, size=size)

    return with_fallback("ad-provider", default=lambda *, name, size=1: f"default {name}")(ask)


def test_answer_is_live_then_stale_then_default(read: Callable[..., str], source: Source) -> None:
    origin = provenance.begin()
    assert read(name="a") == "a1"
    assert (origin.source, origin.age) == ("live", None)
    source.up = False
    origin = provenance.begin()
    assert read(name="a") == "a1"
    assert origin.source == "stale"
    assert origin.age is not None
    origin = provenance.begin()
    assert read(name="b") == "default b"
    assert (origin.source, origin.age) == ("default", None)
    assert source.asked == 2  # the circuit was open for the second key
    assert breakers.get("ad-provider").describe()["answers"] == {"live": 1, "stale": 1, "default": 1}


def test_stale_answer_has_its_age_and_expires(
    read: Callable[..., str], source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 5000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    monkeypatch.setattr(fallback, "stale_cache", stale_cache.StaleCache(max_age=3600))
    read(name="a")
    source.up = False
    now += 90
    origin = provenance.begin()
    assert read(name="a") == "a1"
    assert origin.age == 90
    now += 3600
    assert read(name="a") == "default a"


def test_other_arguments_have_another_answer(read: Callable[..., str], source: Source) -> None:
    read(name="a", size=2)
    source.up = False
    assert read(name="a") == "default a"
    assert read(size=2, name="a") == "a2"


def test_expected_error_discards_the_kept_answer(read: Callable[..., str], source: Source) -> None:
    read(name="a")
    source.known = False
    with pytest.raises(ExpectedError):
        read(name="a")
    assert breakers.get("ad-provider").describe()["answers"]["live"] == 2  # an expected error is an answer
    source.up = False
    assert read(name="a") == "default a"


def test_request_with_several_reads_reports_the_worst_source() -> None:
    origin = provenance.begin()
    for source, age in (("stale", 5.0), ("live", None), ("stale", 9.0), ("stale", 7.0)):
        provenance.note(source, age)  # type: ignore[arg-type]
    assert (origin.source, origin.age) == ("stale", 9.0)
    provenance.note("default")
    assert (origin.source, origin.age) == ("default", None)


def test_failed_write_raises(source: Source) -> None:
    source.up = False
    with pytest.raises(DependencyUnavailable):
        protected_write("ad-provider")(source)(name="a")


def test_answers_are_counted_for_prometheus(read: Callable[..., str]) -> None:
    labels = {"breaker": "ad-provider", "source": "live"}
    before = REGISTRY.get_sample_value("answers_total", labels) or 0
    read(name="a")
    assert REGISTRY.get_sample_value("answers_total", labels) == before + 1


def test_least_recently_used_answers_are_evicted_first() -> None:
    kept = stale_cache.StaleCache(max_age=3600, max_bytes=5000)
    for key in "abc":
        kept.put(key, key * 1000)
    assert kept.get("a")
    kept.put("d", "d" * 1000)
    assert [key for key in "abcd" if kept.get(key)] == ["a", "c", "d"]
    kept.put("e", "e" * 5000)
    assert [key for key in "abcde" if kept.get(key)] == ["a", "c", "d"]


def test_read_with_a_fallback_never_uses_the_reserve() -> None:
    breaker = breakers.get("ad-provider")
    had: list[object] = []

    @with_fallback("ad-provider", default=lambda: None)
    def read() -> None:
        had.append(breaker._bulkhead and breaker._bulkhead._free["reserved"])

    @protected_write("ad-provider")
    def write() -> None:
        had.append(breaker._bulkhead and breaker._bulkhead._free["reserved"])

    with scope.reserve():
        read()
        write()
    assert had == [2, 1]
