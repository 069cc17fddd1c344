"""Cells of any field: absent, text, a number, a list or an object."""

import json
import time
import timeit
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.importers.cells import as_text, cell, entries, is_absent, whole
from catalog.importers.formats import RejectedRow
from catalog.importers.literals import ABSENT, NotALiteral, parse
from catalog.importers.products import ProductImporter
from catalog.importers.reviews import ReviewImporter
from catalog.importers.values import seconds

PICTURES = """{'hi_res': array(['https://img.example/a.jpg', None], dtype=object), 'large': array([],
      dtype=object), 'variant': array(['MAIN'], dtype='<U4')}"""


@pytest.mark.parametrize(
    "raw", [None, float("nan"), Decimal("NaN"), Decimal("sNaN"), [], {}, [None], ["nan"], (), [[]]]
)
def test_an_empty_value_of_any_type_is_absent(raw: Any) -> None:
    assert is_absent(raw)
    assert cell(raw) is None or entries(raw) == []


@pytest.mark.parametrize("raw", [*sorted(ABSENT), " nan ", "[]", "{}"])
def test_every_spelling_of_no_value_is_absent(raw: str) -> None:
    assert cell(raw) is None


def test_every_spelling_of_no_value_in_pandas_is_absent() -> None:
    assert {
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"),
        *("NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    } <= ABSENT


@pytest.mark.parametrize("raw", [0, 0.0, False, "0", "Nan", "Na", "none of it", ".", "- x"])
def test_a_value_is_not_absent(raw: Any) -> None:
    assert not is_absent(raw)


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ('["A", null, "B \\ud83d\\ude00"]', ["A", None, "B 😀"]),
        ("['A', None, nan, 'It\\'s']", ["A", None, None, "It's"]),
        ("{u'a': u'\\xe9', 'u': 'u'}", {"a": "é", "u": "u"}),
        ("['A' 'B']", ["A", "B"]),
        ("['A' 'two\\nlines'\n 'C']", ["A", "two\nlines", "C"]),
        ("[1 2 -3]", [1, 2, -3]),
        ("[.5 -.5 5. 1e3]", [0.5, -0.5, 5.0, 1000.0]),
        ("[['A', 'B'], ['C']]", [["A", "B"], ["C"]]),
        ("{'a': 1, 2: 1.5}", {"a": 1, 2: 1.5}),
        ('{"a": NaN, "b": true, "c": Infinity}', {"a": None, "b": True, "c": None}),
        (
            "{'at': Timestamp('2020-05-04 18:10:55'), 'cost': Decimal('1.50')}",
            {"at": "2020-05-04 18:10:55", "cost": "1.50"},
        ),
        ("[True, False]", [True, False]),
        (PICTURES, {"hi_res": ["https://img.example/a.jpg", None], "large": [], "variant": ["MAIN"]}),
    ],
)
def test_every_spelling_of_lists_and_objects_is_read(raw: str, read: Any) -> None:
    assert cell(raw) == read


@pytest.mark.parametrize(
    "raw", ["[Hardcover]", "[a, b]", "['a'", "['a' for b in c]", "{x}", "[__import__('os')]", "[1]]"]
)
def test_text_in_brackets_that_is_not_a_list_stays_text(raw: str) -> None:
    assert cell(raw) == raw


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (12, 12),
        (12.0, 12),
        ("12.0", 12),
        ("1,024", 1024),
        (" 7 ", 7),
        (Decimal("3.0"), 3),
        ("1e3", 1000),
        ("19,963,069.0", 19963069),
    ],
)
def test_whole_numbers_are_read_from_floats_and_text(raw: Any, read: int) -> None:
    assert whole(raw) == read


@pytest.mark.parametrize(
    "raw", [True, "12.5", 12.5, "x", "", None, [1], float("inf"), "9" * 400, "0x10", "1_0", Decimal("NaN"), "1.000"]
)
def test_other_values_are_no_whole_number(raw: Any) -> None:
    assert whole(raw) is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (12, "12"),
        (12.0, "12"),
        (12.5, "12.5"),
        (2**64 - 1, "18446744073709551615"),
        (2.0**53, None),  # may have been another integer
        (2**70, None),
        (float("inf"), None),
        (Decimal("-Infinity"), None),
        (True, None),
    ],
)
def test_a_number_is_text_if_its_digits_are_known(raw: Any, text: str | None) -> None:
    assert as_text(raw) == text


@pytest.mark.parametrize("raw", ["12,0", "0,5", "1,2", "1,0240", ",5", "5,", "1,,000"])
def test_a_comma_that_does_not_group_three_digits_is_rejected(raw: str) -> None:
    assert whole(raw) is None


nested = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.slow
@given(value=st.lists(nested, max_size=4) | st.dictionaries(st.text(), nested, max_size=4))
def test_what_python_and_json_write_is_read_back(value: Any) -> None:
    assert parse(json.dumps(value)) == value
    assert parse(repr(value)) == value


raw_cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.decimals(),
    st.datetimes(timezones=st.none() | st.just(UTC)),
    st.dates(),
    st.binary(max_size=20),
    st.text(),
    st.text(alphabet="[]{}()'\"\\,: aN1.-u\ud83d\0", max_size=60),
    st.sampled_from([*ABSENT, "['A' 'B']", PICTURES, "[1, 2]", "#1 in A", "0x" + "1" * 4000, "9" * 400, "5-9", "inf"]),
    nested,
    st.recursive(
        st.none() | st.just(float("nan")) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.integers(), inner),
    ),
)


@pytest.mark.slow
@given(data=st.data())
@pytest.mark.parametrize("importer", [ProductImporter, ReviewImporter])
def test_any_value_in_any_field_is_read_or_rejects_its_row(
    importer: type[ProductImporter | ReviewImporter], data: st.DataObject
) -> None:
    columns = [name for names in importer.columns.aliases.values() for name in names]
    fine = {"asin": "P1", "reviewerID": "R1", "overall": "5", "unixReviewTime": "1"}
    chosen = data.draw(st.lists(st.sampled_from(columns), max_size=4))
    row = fine | {column: data.draw(raw_cells) for column in chosen}
    with suppress(RejectedRow):
        cleaned = importer().clean(row)
        assert len(cleaned) == len(importer.table.columns)


def longest(read: Callable[[str], object], pattern: Callable[[int], str]) -> float:
    """How many times longer it takes to read eight times as much."""

    def seconds_for(size: int) -> float:
        text = pattern(size)

        def attempt() -> None:
            with suppress(NotALiteral, RejectedRow):
                read(text)

        # timeit turns the garbage collector off; the best of three is free of what else happens.
        return min(timeit.repeat(attempt, number=1, repeat=3, timer=time.process_time))

    return seconds_for(160_000) / max(seconds_for(20_000), 0.001)


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern",
    [
        lambda size: "'" * size,
        lambda size: "[" * size,
        lambda size: "{'a':" * size,
        lambda size: "['" + "\\'" * size,
        lambda size: "\"'" * size,
        lambda size: "[" + "1," * size + "]",
        lambda size: "['a'" + " 'b'" * size + "]",
        lambda size: "9" * size,
        lambda size: "array(" * size,
    ],
)
def test_time_grows_with_the_length_of_a_literal(pattern: Callable[[int], str]) -> None:
    assert longest(parse, pattern) < 5 * 8


@pytest.mark.slow
@pytest.mark.parametrize(
    "column", ["price", "salesRank", "rank", "imUrl", "categories", "main_cat", "Body (HTML)", "title"]
)
@pytest.mark.parametrize(
    "part", ["9", "1,", "#1 in ", "<a ", '<img alt="', "&", "&amp;", ".", "http://a", " ", "> ", "-"]
)
def test_time_grows_with_the_length_of_a_cell(column: str, part: str) -> None:
    def read(text: str) -> None:
        ProductImporter().clean({"asin": "P1", column: text})

    assert longest(read, lambda size: part * size) < 5 * 8


@pytest.mark.slow
@pytest.mark.parametrize("opening", ["", "<img ", '<img alt="', "<br "])
@pytest.mark.parametrize("part", ['alt="" ', ' alt="', " <b>", "\n<b>"])
@pytest.mark.parametrize("column", ["categories", "Body (HTML)"])
def test_time_grows_with_the_length_of_markup(column: str, opening: str, part: str) -> None:
    def read(text: str) -> None:
        ProductImporter().clean({"asin": "P1", column: text})

    assert longest(read, lambda size: f"x{opening}{part * (size // len(part))}x") < 5 * 8


def test_every_spelling_of_a_time_is_read() -> None:
    moment = datetime(2020, 5, 4, 18, 10, 55, 70_000)
    for raw in (
        1588615855,
        1588615855070,
        "1588615855",
        "1588615855.0",
        "2020-05-04 18:10:55.070",
        "2020-05-04T18:10:55Z",
    ):
        assert seconds(raw) == 1588615855
    assert seconds(moment) == seconds(moment.replace(tzinfo=UTC)) == seconds("2020-05-04T20:10:55+02:00") == 1588615855
