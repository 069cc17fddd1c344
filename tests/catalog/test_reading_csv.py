"""Rows of CSV files in each dialect, and of broken ones."""

import csv
import tracemalloc
from pathlib import Path

import pytest

from catalog.importers import csv_rows, lines
from catalog.importers.formats import UnknownFormat
from tests.catalog.seeding import read


def told(file: Path) -> str:
    found: list[str] = []
    read(file, tell=found.append)
    return ", ".join(found)


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("asin,title\nP1,One\n", "commas, doubled quotes"),
        ("asin\ttitle\nP1\tOne\n", "tabs, doubled quotes"),
        ("asin;title\nP1;One\n", "semicolons, doubled quotes"),
        ("asin, title\nP1, One\n", "commas, doubled quotes"),
        ('asin, title\nP1, "One"\n', "commas, doubled quotes"),
        ('"asin";"title"\r\n"P1";"One"\r\n', "semicolons, doubled quotes"),
        ("asin,title\n\nP1,One\n  \n", "commas, doubled quotes"),
    ],
)
def test_the_dialect_is_detected(text: str, dialect: str, tmp_path: Path) -> None:
    file = tmp_path / "products"
    file.write_text(text, newline="")
    assert read(file) == [{"asin": "P1", "title": "One"}]
    assert told(file) == f"CSV ({dialect})"


def test_a_comma_in_a_semicolon_file_is_decimal(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("asin;title;price\nP1;One;12,99\n")
    assert read(file) == [{"asin": "P1", "title": "One", "price": "12,99"}]


@pytest.mark.parametrize(
    ("written", "title"),
    [
        (r'"A 5\" pipe, black"', 'A 5" pipe, black'),
        (r'"He said \"hi\""', 'He said "hi"'),
        (r'"ends with \\"', "ends with \\"),
        (r'"x\\\"y"', r"x\"y"),
        (r"a\b", r"a\b"),
        (r"\\server\share", r"\\server\share"),
        ('"two\nlines \\"q\\", and\nthree"', 'two\nlines "q", and\nthree'),
        ('""', ""),
    ],
)
def test_backslash_escaped_quotes_are_read_as_spark_writes_them(written: str, title: str, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(f'asin,title,brand\nP1,{written},"X"\nP2,"A 5\\" pipe",Y\n')
    assert read(file) == [
        {"asin": "P1", "title": title, "brand": "X"},
        {"asin": "P2", "title": 'A 5" pipe', "brand": "Y"},
    ]
    assert told(file) == "CSV (commas, backslash-escaped quotes)"


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_escaped_quotes_outside_of_quotes_are_read_as_pandas_writes_them(delimiter: str, tmp_path: Path) -> None:
    rows = [
        {"asin": "P1", "title": '5" pipe', "brand": '"X"'},
        {"asin": "P2", "title": f'say "a{delimiter} b"', "brand": 'C:\\"'},
        {"asin": "P3", "title": '["A"]', "brand": "C:\\new"},
    ]
    file = tmp_path / "products.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, doublequote=False, escapechar="\\")
        writer.writeheader()
        writer.writerows(rows)
    assert read(file) == rows
    assert "backslash-escaped quotes" in told(file)


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_backslashes_before_doubled_quotes_are_kept(delimiter: str, tmp_path: Path) -> None:
    rows = [
        {"asin": "P1", "title": 'C:\\"', "brand": f'"{delimiter} \\"'},
        {"asin": "P2", "title": "\\\\x", "brand": ""},
    ]
    file = tmp_path / "products.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    assert read(file) == rows
    assert "doubled quotes" in told(file)


def test_json_between_tabs_keeps_its_backslashes(tmp_path: Path) -> None:
    file = tmp_path / "products.tsv"
    file.write_text('asin\tcategories\nP1\t["A \\"B\\" C"]\n')
    assert read(file) == [{"asin": "P1", "categories": '["A \\"B\\" C"]'}]


def test_a_field_that_ends_with_a_backslash_does_not_escape(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text('asin,title,brand\nP1,"C:\\","say ""a"""\nP2,"x","y"\n')
    assert read(file) == [
        {"asin": "P1", "title": "C:\\", "brand": 'say "a"'},
        {"asin": "P2", "title": "x", "brand": "y"},
    ]


def test_quotes_between_tabs_are_text_if_they_cannot_be_quotes(tmp_path: Path) -> None:
    file = tmp_path / "products.tsv"
    file.write_text('asin\ttitle\nP1\tGood "one\nP2\t"Great" thing\n')
    assert read(file) == [{"asin": "P1", "title": 'Good "one'}, {"asin": "P2", "title": '"Great" thing'}]
    assert told(file) == "CSV (tabs, quotes are text)"
    file.write_text('asin\ttitle\nP1\t"a ""b""\tc"\nP2\t"x\ny"\n')
    assert read(file) == [{"asin": "P1", "title": 'a "b"\tc'}, {"asin": "P2", "title": "x\ny"}]
    assert told(file) == "CSV (tabs, doubled quotes)"


HEADER = "asin,title,description\n"
P2 = {"asin": "P2", "title": "Two", "description": "Second"}
P3 = {"asin": "P3", "title": "Three", "description": "Third"}


@pytest.mark.parametrize("following", ["P2,Two,Second\nP3,Three,Third\n", 'P2,"Two",Second\nP3,Three,"Third"\n'])
def test_an_unclosed_quote_swallows_no_other_row(following: str, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + 'P1,One,"A text that is never closed\n' + following)
    assert read(file) == ["2: the quote that opens in line 2 is not closed", P2, P3]


def test_an_unclosed_quote_swallows_no_row_if_a_later_quote_closes_it(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + 'P1,"never closed,x\nP2,Two,Second\nP4,5",x,y\nP3,Three,Third\n')
    assert read(file) == [
        "2: the quote that opens in line 2 is not closed",
        P2,
        "4: 4 columns, and the header has 3",
        P3,
    ]


def test_the_message_names_the_line_where_the_quote_opens(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + 'P1,"One\nand\nmore","never closed\nP2,Two,Second\nP3,Three,Third\n')
    assert read(file) == ["2: the quote that opens in line 4 is not closed", P2, P3]


def test_each_of_several_unclosed_quotes_costs_its_own_row(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    bad = 'P1,One,"never closed\n'
    file.write_text(HEADER + bad + "P2,Two,Second\n" + bad + "P3,Three,Third\n")
    reason = "the quote that opens in line {0} is not closed"
    assert read(file) == [f"2: {reason.format(2)}", P2, f"4: {reason.format(4)}", P3]


@pytest.mark.parametrize("cut", ['P2,Two,"Cut in the mid', 'P2,Two,"Cut in\nthe\nmid', 'P2,Two,"Cut in the mid\n'])
def test_a_file_cut_inside_a_quoted_field_is_an_error(cut: str, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + "P1,One,Fine\n" + cut)
    fine, broken = read(file)
    assert fine["asin"] == "P1"
    assert broken == "3: the file ends inside the quoted field that opens in line 3"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('P1,"A 5" pipe",x', "a quote inside a field is not escaped"),
        ('P1,"two\nlines"x,y', "a quote inside a field is not escaped"),
        ("P1,One", "2 columns, and the header has 3"),
        ("P1,One,x,y", "4 columns, and the header has 3"),
        ("P1,One\rx,y", "a carriage return stands inside a row"),
    ],
)
def test_a_row_with_a_quoting_error_is_rejected_alone(row: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + row + "\nP2,Two,Second\n", newline="")
    assert read(file) == [f"2: {reason}", P2]


def test_a_record_is_as_bounded_as_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE", 200)
    file = tmp_path / "products.csv"
    file.write_text(HEADER + 'P1,One,"' + "text\n" * 100 + '"\nP2,Two,Second\n')
    found = read(file)
    assert found[0] == "2: longer than 200 characters"
    assert found[-1] == P2


def test_repeated_reads_after_unclosed_quotes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line opens a quote, and only the last line shows that it swallowed the rows."""
    monkeypatch.setattr(lines, "MAX_LINE", 1000)
    monkeypatch.setattr(csv_rows, "MAX_READ_AGAIN", 5)
    file = tmp_path / "products.csv"
    file.write_text("asin,title\n" + 'a","b\n' * 90 + 'a,b\nc"\n')
    with pytest.raises(UnknownFormat, match="too many unclosed quotes"):
        read(file)


def test_a_joined_file_may_have_its_columns_in_another_order(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(
        "asin,title,brand\nP1,One,A\nbrand,title,asin\nB,Two,P2\ntitle,title,asin\nasin,brand,title\nP3,C,Three\n"
    )
    assert [tuple(row[name] for name in ("asin", "title", "brand")) for row in read(file)] == [
        ("P1", "One", "A"),
        ("P2", "Two", "B"),
        ("asin", "title", "title"),  # no header
        ("P3", "Three", "C"),
    ]


def test_a_joined_file_may_have_other_columns(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("asin,title,sku\nP1,One,7\nasin,brand,name\nP2,A,Two\nProduct ID,Title,Price,sku\nP3,Three,3,8\n")
    assert read(file) == [
        {"asin": "P1", "title": "One", "sku": "7"},
        {"asin": "P2", "brand": "A", "name": "Two"},
        {"Product ID": "P3", "Title": "Three", "Price": "3", "sku": "8"},
    ]


def test_quotes_that_are_escaped_later_in_another_way_are_named(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    plain = "".join(f"P{n},{'x' * 500}\n" for n in range(600))
    file.write_text(f'asin,title\n{plain}Q1,"A 5\\" pipe, black"\nQ2,Two\n')
    *_, broken, last = read(file)
    assert broken == "602: a quote is escaped by a backslash, unlike those at the start of the file"
    assert last == {"asin": "Q2", "title": "Two"}


def test_lines_that_end_with_a_carriage_return_only_are_named(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("asin,title\rP1,One\r", newline="")
    with pytest.raises(UnknownFormat, match="its lines end with a carriage return only"):
        read(file)


def test_a_long_escaped_field_takes_little_memory(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text('asin,title\nP1,"a \\" b"\nP2,"' + "x" * 2_000_000 + '"\n')
    tracemalloc.start()
    try:
        assert len(read(file)[1]["title"]) == 2_000_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50_000_000


def test_the_header_of_a_joined_file_is_not_a_row(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("\ufeffasin,title\nP1,One\n\ufeffasin,title\nP2,Two\n")
    assert read(file) == [{"asin": "P1", "title": "One"}, {"asin": "P2", "title": "Two"}]


def test_a_duplicate_column_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("asin,Title,title\nP1,One,Two\n")
    with pytest.raises(UnknownFormat, match="the column title stands twice"):
        read(file)
