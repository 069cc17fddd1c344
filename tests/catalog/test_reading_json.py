"""Rows of JSON files and of Python literals."""

import json
import tracemalloc
from pathlib import Path

import pytest

from catalog.importers import lines
from catalog.importers.formats import UnknownFormat
from tests.catalog.seeding import read

P1, P2 = {"asin": "P1", "title": "One"}, {"asin": "P2", "title": "Two"}


@pytest.mark.parametrize(
    "text",
    [
        '{"asin":"P1","title":"One"}\n{"asin":"P2","title":"Two"}\n',
        '{"asin":"P1","title":"One"},\n{"asin":"P2","title":"Two"},\n',
        '\n\ufeff{"asin":"P1","title":"One"}\n\ufeff{"asin":"P2","title":"Two"}\n',
        "{'asin': 'P1', 'title': 'One'}\n{'asin': 'P2', 'title': 'Two'},\n",
        '[{"asin":"P1","title":"One"},{"asin":"P2","title":"Two"}]',
        '[\n{"asin":"P1","title":"One"},\n{"asin":"P2","title":"Two"}\n]\n\n',
        json.dumps([P1, P2], indent=2),
        "\ufeff \n " + json.dumps([P1, P2], indent="\t"),
    ],
)
def test_objects_are_read_a_line_each_or_as_an_array(text: str, tmp_path: Path) -> None:
    file = tmp_path / "products"
    file.write_text(text)
    assert read(file) == [P1, P2]


def test_nan_and_infinity_are_absent(tmp_path: Path) -> None:
    file = tmp_path / "products"
    for text in ('{"asin": "P1", "price": NaN, "ok": true}\n', '[{"asin": "P1", "price": NaN, "ok": true}]'):
        file.write_text(text)
        assert read(file) == [{"asin": "P1", "price": None, "ok": True}]


@pytest.mark.parametrize(
    "text",
    ['{\n  "asin": "P1"\n}\n{\n  "asin": "P2"\n}\n', '{"asin": "P1",\n "title": "One"}\n', "{\n 'asin': 'P1'\n}"],
)
def test_objects_over_several_lines_are_refused_with_advice(text: str, tmp_path: Path) -> None:
    file = tmp_path / "products.json"
    file.write_text(text)
    with pytest.raises(UnknownFormat, match=r"looks like objects over several lines; write each in one line") as raised:
        read(file)
    assert "\n" not in str(raised.value)


def test_several_objects_in_one_line_are_named(tmp_path: Path) -> None:
    file = tmp_path / "products.json"
    file.write_text('{"asin":"P1","title":"One"}\ufeff{"asin":"P3"}\n{"asin":"P2","title":"Two"}\n{"asin":"P4"} x\n')
    assert read(file) == [
        "1: several objects in one line",
        P2,
        "3: neither JSON nor a Python literal",
    ]


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (',\n{"asin": nope}]', "line 2: the array is cut off or no JSON"),
        (',\n{"asin": "P2', "line 2: the array is cut off or no JSON"),
        ("\n", "line 2: the array goes on without a comma, or is cut off"),
        ('\n{"asin": "P2"}]', "line 2: the array goes on without a comma, or is cut off"),
        ("]\n[]", "line 2: something follows the end of the array"),
        ("," + '{"a":' * 5000, "a number too long or objects too deep"),
        (',{"a":' + "1" * 5000 + "}]", "a number too long or objects too deep"),
    ],
)
def test_a_broken_array_is_refused_with_its_line(rest: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "products.json"
    file.write_text('[{"asin": "P1"}' + rest)
    with pytest.raises(UnknownFormat, match=message):
        read(file)


def test_only_objects_of_an_array_are_rows(tmp_path: Path) -> None:
    file = tmp_path / "products.json"
    file.write_text('[1, {"asin": "P1"},\n"x", [], null, 12]')
    assert read(file) == [
        "1: not an object",
        {"asin": "P1"},
        *["2: not an object"] * 4,
    ]
    file.write_text(" [ ] ")
    assert read(file) == []


def test_an_object_of_an_array_is_as_bounded_as_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE", 100_000)
    file = tmp_path / "products.json"
    file.write_text('[{"asin": "P1", "title": "' + "x" * 1_000_000 + '"}]')
    with pytest.raises(UnknownFormat, match="an object longer than 100000 characters"):
        read(file)


def test_an_array_is_read_in_parts(tmp_path: Path) -> None:
    from catalog.importers import reading
    from catalog.importers.products import ProductImporter

    file = tmp_path / "products.json"
    row = json.dumps({"asin": "P1", "title": "x" * 1000})
    file.write_text("[" + ",".join([row] * 20_000) + "]")  # 20 MB
    tracemalloc.start()
    try:
        count = sum(1 for _ in reading.rows(str(file), ProductImporter.columns))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < 5_000_000
