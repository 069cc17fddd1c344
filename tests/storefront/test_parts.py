"""Each part of a page knows its own source, and the response has the worst."""

import threading

from resilience import provenance
from storefront.ads import _pool
from storefront.parts import Part, Pending, read


def noted(*, source: provenance.Source, age: float | None = None) -> str:
    provenance.note(source, age)
    return threading.current_thread().name


def test_parts_are_told_apart_and_the_worst_counts_for_the_page() -> None:
    whole = provenance.begin()
    first = read(noted, source="stale", age=7)
    second = read(noted, source="live")
    assert [part[1:] for part in (first, second)] == [("stale", 7), ("live", None)]
    assert whole.headers() == {"X-Data-Source": "stale", "Age": "7"}
    assert not first.is_default
    assert first.with_value(5) == Part(5, "stale", 7)


def test_a_pending_part_counts_for_the_page_when_it_is_taken() -> None:
    whole = provenance.begin()
    pending = Pending(_pool, noted, source="default")
    here = read(noted, source="live")
    there = pending.part()
    assert there.value.startswith("ads") != here.value.startswith("ads")
    assert there.is_default
    assert whole.source == "default"
