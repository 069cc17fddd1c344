"""Compressed and recoded files, and broken ones."""

import bz2
import gzip
import io
import lzma
import os
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError

from catalog.importers import lines, unpacking
from catalog.importers.formats import UnknownFormat
from catalog.models import Product
from tests.catalog.seeding import AS_CSV, HEADER, NEXT, read, seed

CREATED = f"1 read, 1 created, 0 updated, 0 unchanged, 0 rejected{AS_CSV}{NEXT}"

CONTENT = ("\ufeff" + HEADER + "P1,Pen\n").encode()


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


JUNK = {
    "__MACOSX/folder/._products.csv": b"\0\5\x16\7",
    ".DS_Store": b"\0",
    "folder/.DS_Store": b"\0",
    "folder/Thumbs.db": b"\0",
    "folder/": b"",
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "packed",
    [
        CONTENT,
        gzip.compress(CONTENT),
        gzip.compress(CONTENT[:10]) + gzip.compress(CONTENT[10:]),
        bz2.compress(CONTENT),
        bz2.compress(CONTENT[:10]) + bz2.compress(CONTENT[10:]),
        lzma.compress(CONTENT),
        lzma.compress(CONTENT[:10]) + b"\0" * 8 + lzma.compress(CONTENT[10:]) + b"\0" * 4,
        zipped(**{"folder/products.csv": CONTENT}),
        zipped(**{"folder/products.csv": CONTENT} | JUNK),
        (HEADER + "P1,Pen\n").encode("utf-16"),
        b"\xfe\xff" + (HEADER + "P1,Pen\n").encode("utf-16-be"),
        gzip.compress((HEADER + "P1,Pen\n").encode("utf-16")),
    ],
    ids=[
        "plain",
        "gz",
        "two gz",
        "bz2",
        "two bz2",
        "xz",
        "two xz",
        "zip",
        "junk",
        "utf-16",
        "utf-16-be",
        "utf-16 in gz",
    ],
)
def test_compression_is_detected_by_content(packed: bytes, tmp_path: Path) -> None:
    file = tmp_path / "products"
    file.write_bytes(packed)
    assert seed("seed_products", str(file)) == CREATED


def test_utf16_is_read_and_half_a_character_rejects_its_row(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_bytes((HEADER + "P1,Füller 😀\nP2,Pen").encode("utf-16") + b"\x3d\xd8\x41")
    first, second = read(file)
    assert first == {"asin": "P1", "title": "Füller 😀"}
    assert not second["title"].isprintable()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "."])
def test_a_member_without_a_name_is_junk(name: str, tmp_path: Path) -> None:
    file = tmp_path / "products.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("products.csv", CONTENT)
        nameless = zipfile.ZipInfo()
        nameless.filename = name
        archive.writestr(nameless, b"junk")
    assert seed("seed_products", str(file)) == CREATED


def test_any_number_of_blank_lines_before_the_first_is_skipped(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    as_csv, as_json = HEADER.encode() + b"P1,Pen\n", b'{"asin": "P1", "title": "Pen"}'
    for content in (b" " * 600_000 + b"\n" + as_csv, b"\n \n" * 300_000 + as_csv, b" " * 600_000 + as_json):
        file.write_bytes(content)
        assert read(file) == [{"asin": "P1", "title": "Pen"}]


def test_an_xz_file_cannot_take_all_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "XZ_MEMORY", 1_000_000)
    file = tmp_path / "products.xz"
    file.write_bytes(lzma.compress(CONTENT, preset=6))
    with pytest.raises(unpacking.UnreadableFile, match=r"the compressed data is broken .*[Mm]emory"):
        read(file)


@pytest.mark.django_db
def test_a_line_without_end_in_a_zip_is_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE", 50_000)
    file = tmp_path / "products.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("products.csv", HEADER + "P1," + "x" * 500_000 + "\nP2,fine\n")
    assert seed("seed_products", str(file)).startswith(
        "2 read, 1 created, 0 updated, 0 unchanged, 1 rejected" + AS_CSV + "rejected: "
    )


@pytest.mark.django_db
def test_invalid_utf8_and_endless_lines_lose_only_their_own_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_LINE", 100)
    file = tmp_path / "products.csv"
    file.write_bytes(HEADER.encode() + b"P1,\xff\nP2,nul\0\nP3," + b"x" * 1000 + b"\nP4,fine\n")
    assert seed("seed_products", str(file)).startswith(
        "4 read, 1 created, 0 updated, 0 unchanged, 3 rejected" + AS_CSV + "rejected: "
    )
    assert Product.objects.get().asin == "P4"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        (None, [], "No such file or directory"),
        (b"a,b\n1,2\n", [], "no column for the product"),
        (b'{"asin": "P1"}', ["--format", "csv"], "no column for the product"),
        (b"\x1f\x8b\x08\0 broken", [], "the compressed data is broken"),
        (gzip.compress(b"asin\n" + os.urandom(5000))[:-900], [], "the compressed data is broken"),
        (b"PK\x03\x04 broken", [], "not a usable zip file"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(
    content: bytes | None, words: list[str], message: str, tmp_path: Path
) -> None:
    file = tmp_path / "products"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError) as raised:
        seed("seed_products", str(file), *words)
    assert str(raised.value).startswith(str(file))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.django_db
def test_rows_before_broken_data_are_stored(tmp_path: Path) -> None:
    file = tmp_path / "products.gz"
    file.write_bytes(gzip.compress((HEADER + "P1,Pen\nP2,Pad\n").encode())[:-8])
    message = (
        r"the compressed data is broken .* \(before that: 2 read, 2 created, 0 updated, 0 unchanged, 0 rejected\)$"
    )
    with pytest.raises(CommandError, match=message):
        seed("seed_products", str(file))
    assert Product.objects.count() == 2


def test_a_zip_holds_one_file(tmp_path: Path) -> None:
    file = tmp_path / "two.zip"
    for members, message in [
        ({"a.csv": b"", "b.csv": b""}, "holds 2 files, and must hold one$"),
        ({".DS_Store": b""}, "holds 0 files, and must hold one$"),
        ({"[Content_Types].xml": b"", "xl/workbook.xml": b""}, "looks like an Excel workbook, save the sheet as CSV"),
    ]:
        file.write_bytes(zipped(**members))
        with pytest.raises(unpacking.UnreadableFile, match=message):
            read(file)


def test_a_broken_start_of_a_later_stream_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "products.bz2"
    second = bytearray(bz2.compress(b"P2,Pad\n"))
    second[5] ^= 0xFF
    file.write_bytes(bz2.compress(CONTENT) + second)
    with pytest.raises(unpacking.UnreadableFile, match="Invalid data stream"):
        read(file)


@pytest.mark.parametrize(
    ("packed", "inside"),
    [
        (gzip.compress(gzip.compress(CONTENT)), "gzip"),
        (zipped(**{"products.csv.bz2": bz2.compress(CONTENT)}), "bzip2"),
        (bz2.compress(lzma.compress(CONTENT)), "xz"),
        (zipped(**{"products.zip": zipped(**{"products.csv": CONTENT})}), "zip"),
    ],
    ids=["gzip in gzip", "bzip2 in zip", "xz in bzip2", "zip in zip"],
)
def test_a_file_that_is_compressed_twice_is_named(packed: bytes, inside: str, tmp_path: Path) -> None:
    file = tmp_path / "products"
    file.write_bytes(packed)
    with pytest.raises(UnknownFormat, match=f"looks like {inside} inside of another compression: unpack it first"):
        read(file)
