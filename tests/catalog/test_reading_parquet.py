"""Rows of Parquet files."""

import gzip
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from catalog.importers import lines, parquet_rows
from catalog.importers.formats import UnknownFormat
from catalog.models import Product
from tests.catalog.seeding import NEXT, ROOT, read, seed


def write(file: Path, columns: dict[str, Any], **options: Any) -> None:
    pyarrow.parquet.write_table(pyarrow.table(columns), file, **options)


@pytest.mark.django_db
@pytest.mark.parametrize("packed", [False, True])
def test_products_come_from_parquet(packed: bool, tmp_path: Path) -> None:
    file = tmp_path / "products"
    write(file, {"asin": ["P1", "P2"], "title": ["One", None]})
    if packed:
        file.write_bytes(gzip.compress(file.read_bytes()))
    assert seed("seed_products", str(file)) == (
        "2 read, 2 created, 0 updated, 0 unchanged, 0 rejected; read as Parquet\n" + NEXT
    )
    assert [product.title for product in Product.objects.order_by("asin")] == ["One", ""]


def test_values_are_python_values(tmp_path: Path) -> None:
    file = tmp_path / "products"
    when = datetime(2020, 5, 4, 18, 10, 55, 70_000)
    write(
        file,
        {
            "asin": ["P1"],
            "categories": [["Toys", "Games"]],
            "images": [{"large": ["https://img.example/l.jpg"]}],
            "old": pyarrow.array([b"as bytes"], pyarrow.binary()),
            "micro": pyarrow.array([when], pyarrow.timestamp("us")),
            "nano": pyarrow.array([when], pyarrow.timestamp("ns")).cast(pyarrow.int64()).cast(pyarrow.timestamp("ns")),
            "zoned": pyarrow.array([when.replace(tzinfo=UTC)], pyarrow.timestamp("ms", "UTC")),
        },
    )
    (row,) = read(file)
    assert row["categories"] == ["Toys", "Games"]
    assert row["images"] == {"large": ["https://img.example/l.jpg"]}
    assert row["old"] == "as bytes"
    assert row["micro"] == row["nano"] == when
    assert row["zoned"] == when.replace(tzinfo=UTC)


def test_an_unreadable_value_rejects_its_row(tmp_path: Path) -> None:
    file = tmp_path / "products"
    days = pyarrow.array([1, 10**9, 2], pyarrow.int32()).cast(pyarrow.date32())  # the second is in the year 2,739,877
    write(file, {"asin": ["P1", "P2", "P3"], "day": days})
    first, second, third = read(file)
    assert (first["asin"], third["asin"]) == ("P1", "P3")
    assert second.startswith("2: a value cannot be read (")


def test_an_unknown_time_zone_rejects_its_row(tmp_path: Path) -> None:
    file = tmp_path / "products"
    write(file, {"asin": ["P1", "P2"], "at": pyarrow.array([1, None], pyarrow.timestamp("us", tz="Nowhere/Land"))})
    first, second = read(file)
    assert first.startswith("1: a value cannot be read (")
    assert second == {"asin": "P2", "at": None}


def test_the_rows_decoded_at_once_are_few_enough_for_values_as_long_as_a_line(tmp_path: Path) -> None:
    assert parquet_rows.ROWS * lines.MAX_LINE <= 250_000_000


def test_columns_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "products"
    write(file, {"name": ["x"], "price": [1.0]})
    with pytest.raises(
        UnknownFormat, match=r"looks like Parquet with the columns name, price; no column for the product"
    ):
        read(file)


def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "products"
    write(file, {"asin": [f"P{n}" for n in range(5000)]}, compression="none", use_dictionary=False)
    whole = file.read_bytes()
    for content in (whole[:-20], whole[:1000], b"PAR1", whole[:4] + b"\xff" * 500 + whole[504:]):
        file.write_bytes(content)
        with pytest.raises(UnknownFormat, match="the Parquet file is broken") as raised:
            read(file)
        assert "\n" not in str(raised.value)


def test_rows_are_decoded_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_rows, "ROWS", 10)
    file = tmp_path / "products"
    write(file, {"asin": [f"P{n}" for n in range(25)]}, row_group_size=7)
    assert [row["asin"] for row in read(file)] == [f"P{n}" for n in range(25)]


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "products"
    write(file, {"asin": ["P1"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UnknownFormat, match=r"a Parquet file, which needs: pip install -r requirements-parquet.txt"):
        read(file)
    assert (ROOT / "requirements-parquet.txt").exists()


def test_pyarrow_is_not_loaded_for_other_files() -> None:
    code = "import django; django.setup(); import catalog.importers.products, sys; sys.exit('pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 0
