"""Cache keys, and the source that a request reports."""

import time
from collections.abc import Callable
from contextvars import Context

import pytest
from django.core.exceptions import ObjectDoesNotExist

from resilience import breakers, provenance
from resilience.fallback import with_fallback
from resilience.http import BadAnswer
from resilience.provenance import Source

AD_PROVIDER = "ad-provider"
Read = Callable[..., str]


def nothing(*, name: str) -> str:
    return "default"


def source_of(read: Read, name: str = "a") -> tuple[str, Source | None]:
    origin = provenance.begin()
    return read(name=name), origin.source


def trip() -> None:
    def fail(*, name: str) -> str:
        raise BadAnswer

    assert with_fallback(AD_PROVIDER, default=nothing)(fail)(name="trip") == "default"
    assert breakers.get(AD_PROVIDER).state == "open"


def test_keep_stale_false_keeps_nothing() -> None:
    @with_fallback(AD_PROVIDER, default=nothing, keep_stale=False)
    def read(*, name: str) -> str:
        return "live"

    assert source_of(read) == ("live", "live")
    trip()
    assert source_of(read) == ("default", "default")


def test_two_functions_do_not_share_answers() -> None:
    @with_fallback(AD_PROVIDER, default=nothing)
    def prices(*, name: str) -> str:
        return "price"

    @with_fallback(AD_PROVIDER, default=nothing)
    def titles(*, name: str) -> str:
        return "title"

    assert source_of(prices) == ("price", "live")
    trip()
    assert source_of(titles) == ("default", "default")
    assert source_of(prices) == ("price", "stale")


def test_functions_of_one_name_in_two_modules_do_not_share_answers() -> None:
    def made_in(module: str) -> Read:
        def read(*, name: str) -> str:
            return module

        read.__module__ = module
        return with_fallback(AD_PROVIDER, default=nothing)(read)

    here, there = made_in("here"), made_in("there")
    here(name="a")
    there(name="a")
    trip()
    assert (source_of(here), source_of(there)) == (("here", "stale"), ("there", "stale"))


def test_duration_of_an_answer_is_recorded() -> None:
    @with_fallback(AD_PROVIDER, default=nothing)
    def read(*, name: str) -> str:
        time.sleep(0.05)
        return "live"

    read(name="a")
    (second,) = breakers.get(AD_PROVIDER).answers.timeline()
    assert 0.05 <= second["slowest"] < 5


def test_missing_object_is_a_live_answer() -> None:
    @with_fallback(AD_PROVIDER, default=nothing)
    def read(*, name: str) -> str:
        raise ObjectDoesNotExist(name)

    origin = provenance.begin()
    with pytest.raises(ObjectDoesNotExist):
        read(name="a")
    assert origin.source == "live"
    assert breakers.get(AD_PROVIDER).state == "closed"


def test_fallback_does_not_hide_a_bug() -> None:
    @with_fallback(AD_PROVIDER, default=nothing)
    def read(*, name: str) -> str:
        raise TypeError("a bug")

    for _ in range(2):
        with pytest.raises(TypeError, match="a bug"):
            read(name="a")


RANK: dict[Source | None, int] = {None: 0, "live": 1, "stale": 2, "default": 3}


@pytest.mark.parametrize("first", provenance.SOURCES)
@pytest.mark.parametrize("second", provenance.SOURCES)
def test_worse_of_two_sources_is_reported(first: Source, second: Source) -> None:
    origin = provenance.begin()
    for source, age in ((first, 5.0), (second, 9.0)):
        provenance.note(source, age if source == "stale" else None)
    assert origin.source == max(first, second, key=lambda each: RANK[each])
    # Age is that of the oldest stale answer; a default has none.
    ages = [age for source, age in ((first, 5.0), (second, 9.0)) if source == "stale"]
    assert origin.age == (max(ages) if origin.source == "stale" else None)


@pytest.mark.parametrize(
    ("first", "second", "oldest"), [(5.0, 9.0, 9.0), (9.0, 5.0, 9.0), (None, 5.0, 5.0), (5.0, None, 5.0), (None,) * 3]
)
def test_age_is_that_of_the_oldest_stale_answer(
    first: float | None, second: float | None, oldest: float | None
) -> None:
    origin = provenance.begin()
    provenance.note("stale", first)
    provenance.note("stale", second)
    assert origin.age == oldest


def test_headers_report_the_source() -> None:
    assert Context().run(provenance.headers) == {}
    provenance.begin()
    assert provenance.headers() == {}
    provenance.note("live")
    assert provenance.headers() == {"X-Data-Source": "live"}
    provenance.note("stale", 75.9)
    assert provenance.headers() == {"X-Data-Source": "stale", "Age": "75"}
    provenance.note("default")
    assert provenance.headers() == {"X-Data-Source": "default"}


def test_note_outside_of_a_request_does_nothing() -> None:
    Context().run(provenance.note, "stale", 1.0)
    assert provenance.begin().source is None


@pytest.mark.parametrize(
    ("headers", "source", "age"),
    [
        ({"X-Data-Source": "live"}, "live", None),
        ({"X-Data-Source": "stale", "Age": "75"}, "stale", 75),
        ({"X-Data-Source": "stale"}, "stale", None),
        ({"X-Data-Source": "stale", "Age": "3153600000"}, "stale", 3_153_600_000),
        ({"X-Data-Source": "stale", "Age": "-1"}, "stale", None),
        ({"X-Data-Source": "stale", "Age": "soon"}, "stale", None),
        ({"X-Data-Source": "stale", "Age": "9" * 400}, "stale", None),
        ({"X-Data-Source": "default"}, "default", None),
        ({"X-Data-Source": "fresh", "Age": "1"}, None, None),
        ({"Age": "1"}, None, None),
        ({}, None, None),
    ],
)
def test_source_of_another_service_is_adopted(
    headers: dict[str, str], source: Source | None, age: float | None
) -> None:
    origin = provenance.begin()
    provenance.note_headers(headers)
    assert (origin.source, origin.age) == (source, age)
