"""Any bytes result in counted rows or in an error of one line."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catalog.importers.files import UnreadableFile
from catalog.importers.formats import UnknownFormat
from catalog.importers.products import ProductImporter
from catalog.importers.reviews import ReviewImporter

garbage = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(max_size=100).map(lambda text: ("asin,title,price,related\n" + text).encode("utf-8", "surrogatepass")),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    ).map(
        lambda value: repr(
            dict.fromkeys(["title", "price", "related", "categories", "salesRank", "images", "helpful", "vote"], value)
            | {"asin": "P1", "reviewerID": "R1", "overall": value, "unixReviewTime": value, "reviewTime": value}
        ).encode("utf-8", "surrogatepass")
    ),
)


Rows = list[dict[str, Any]]
ROWS = range(8)
PRODUCTS: Rows = [
    {
        "asin": f"P{number}",
        "title": 'A 5" pen, "blue" \\ red \N{SNOWMAN}',
        "description": ["Two\nlines", "x"],
        "price": "$1,299.00",
        "categories": [["Office", "Pens"]],
        "related": {"also_bought": ["P2"]},
        "salesRank": {"Office": 12},
    }
    for number in ROWS
]
REVIEWS: Rows = [
    {
        "reviewerID": f"R{number}",
        "asin": f"P{number}",
        "overall": 5.0,
        "helpful": [1, 2],
        "unixReviewTime": 1_391_817_600 + number,
        "reviewText": "It's fine; \t really",
    }
    for number in ROWS
]


def _csv(rows: Rows, delimiter: str, escape: str) -> bytes:
    def cell(value: object) -> str:
        return '"' + str(value).replace("\\", "\\\\" if escape == "\\" else "\\").replace('"', escape + '"') + '"'

    lines = [list(rows[0]), *[list(row.values()) for row in rows]]
    return "".join(delimiter.join(map(cell, line)) + "\n" for line in lines).encode()


def _parquet(rows: Rows) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), out)
    return out.getvalue()


def _zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.csv", content)
    return out.getvalue()


def _json_lines(rows: Rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


FILES: dict[str, Callable[[Rows], bytes]] = {
    "CSV": lambda rows: _csv(rows, ",", '"'),
    "CSV of Spark": lambda rows: _csv(rows, ",", "\\"),
    "semicolons": lambda rows: _csv(rows, ";", '"'),
    "tabs": lambda rows: _csv(rows, "\t", '"'),
    "JSON lines": _json_lines,
    "JSON array": lambda rows: json.dumps(rows, indent=1).encode(),
    "literals": lambda rows: "".join(f"{row!r}\n" for row in rows).encode(),
    "ratings": lambda rows: "".join(f"R{n},P{n},5.0,1391817600\n" for n in ROWS).encode(),
    "UTF-16": lambda rows: _csv(rows, ",", '"').decode().encode("utf-16"),
    "gzip": lambda rows: gzip.compress(_json_lines(rows)),
    "bzip2": lambda rows: bz2.compress(_json_lines(rows)),
    "xz": lambda rows: lzma.compress(_json_lines(rows)),
    "zip": lambda rows: _zip(_csv(rows, ",", '"')),
    "Parquet": _parquet,
}
SPLINTERS = [b'"', b'""', b'\\"', b"\\", b"\n", b"\r", b",", b";", b"\t", b"\0", b"\xff", b"{", b"}", b"[", b"]", b"'"]
SPLINTERS += [b"\xef\xbb\xbf", b"\xff\xfe", b"1" * 400, b"0x" + b"f" * 4000, b"-", b"e400", b"\\ud800", b"nan", b"NaN"]

change = st.tuples(
    st.sampled_from(["put", "replace", "cut", "drop", "double"]),
    st.floats(0, 1, exclude_max=True),
    st.one_of(st.sampled_from(SPLINTERS), st.binary(min_size=1, max_size=4)),
    st.integers(1, 40),
)


def changed(content: bytes, changes: list[tuple[str, float, bytes, int]]) -> bytes:
    for what, where, splinter, length in changes:
        at = int(where * len(content))
        match what:
            case "put":
                content = content[:at] + splinter + content[at:]
            case "replace":
                content = content[:at] + splinter + content[at + len(splinter) :]
            case "cut":
                content = content[:at]
            case "drop":
                content = content[:at] + content[at + length :]
            case "double":
                content = content[: at + length] + content[at:]
    return content


def import_all(importer: Callable[..., ProductImporter | ReviewImporter], name: str) -> None:
    told: list[str] = []
    importing = importer(reject=lambda place, reason: told.append(reason))
    refused = name
    try:
        importing.run([name])
    except (UnreadableFile, UnknownFormat) as error:
        refused = str(error)
    assert refused.startswith(name)
    assert "\n" not in refused
    counts = importing.counts
    rejected = [reason for reason in told if not reason.endswith("the rest of the row is stored")]
    assert counts.rejected == len(rejected)
    assert counts.unreadable.total() == len(told) - len(rejected)
    assert counts.read == (counts.created + counts.updated + counts.unchanged + counts.merged + counts.rejected)


without_limits = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("importer", [ProductImporter, ReviewImporter])
@settings(without_limits, max_examples=150)
@given(content=garbage)
def test_garbage_is_counted_or_refused(
    importer: type[ProductImporter | ReviewImporter], content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "garbage"
    file.write_bytes(content)
    import_all(importer, str(file))


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("kind", FILES)
@settings(without_limits, max_examples=60)
@given(changes=st.lists(change, min_size=1, max_size=4))
@example(changes=[])
def test_a_damaged_file_is_counted_or_refused(
    kind: str, changes: list[tuple[str, float, bytes, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "damaged"
    for importer, rows in ((ProductImporter, PRODUCTS), (ReviewImporter, REVIEWS)):
        file.write_bytes(changed(FILES[kind](rows), changes))
        import_all(importer, str(file))


@pytest.mark.django_db
@pytest.mark.parametrize("kind", sorted(set(FILES) - {"ratings"}))
def test_every_row_of_an_undamaged_file_is_stored(kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "whole"
    for importer, rows in ((ProductImporter, PRODUCTS), (ReviewImporter, REVIEWS)):
        file.write_bytes(FILES[kind](rows))
        assert importer().run([str(file)]).created == len(ROWS)
