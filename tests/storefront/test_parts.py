"""Each part of a page knows its own source, and the response has the worst."""

import threading

from resilience import provenance
from storefront.parts import Part, Readers, read


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
    wait = Readers(1, "reader").begin(noted, source="default")
    here = read(noted, source="live")
    there = wait()
    assert there.value.startswith("reader") != here.value.startswith("reader")
    assert there.is_default
    assert whole.source == "default"


def test_without_a_free_thread_the_page_reads_by_itself_and_does_not_queue() -> None:
    readers = Readers(1, "reader")
    hangs, ends = threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        assert ends.wait(30)

    abandoned = readers.begin(hang)
    assert hangs.wait(30)
    whole = provenance.begin()
    for _ in range(3):
        assert readers.begin(noted, source="default")().value == threading.current_thread().name
    assert whole.source == "default"
    ends.set()
    abandoned()
    assert readers.begin(noted, source="live")().value.startswith("reader")
