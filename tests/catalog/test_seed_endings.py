"""The closing line of the seed commands, and their errors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError

from catalog.importers import importer, rejections
from catalog.importers.importer import Counts
from catalog.importers.reviews import ReviewImporter
from catalog.models import Product, Review
from tests.catalog.seeding import AS_CSV, HEADER, NEXT, ROOT, seed, shell

PRODUCTS = HEADER + "P1,One\n"
STORED = "1 read, 1 created, 0 updated, 0 unchanged, 0 rejected"


@pytest.mark.django_db
def test_each_format_is_named_once(tmp_path: Path) -> None:
    for name, text in {"a": PRODUCTS, "b": "asin;title\nP2;x\n", "c": PRODUCTS, "d": '[{"asin": "P3"}]'}.items():
        (tmp_path / name).write_text(text)
    said = seed("seed_products", *(str(tmp_path / name) for name in "abcd"))
    formats = "CSV (commas, doubled quotes), CSV (semicolons, doubled quotes), a JSON array"
    assert said.endswith(f"; read as {formats}\n{NEXT}")


@pytest.mark.django_db
def test_the_three_most_frequent_reasons_are_named_if_every_row_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    rows = ["bad asin,x", ",none", "one", ",none", "a,b,c", ",none", "one", "bad asin,x"]
    file.write_text(HEADER + "\n".join(rows) + "\n")
    with pytest.raises(CommandError) as raised:
        seed("seed_products", str(file))
    assert str(raised.value) == (
        f"no row can be used: asin: missing (3 times, first in {file}, line 3); "
        f"asin: not 1 to 255 letters, digits or . _ - (2 times, first in {file}, line 2); "
        f"1 columns, and the header has 2 (2 times, first in {file}, line 4)"
    )


@pytest.mark.django_db
def test_reviews_of_different_unknown_products_are_one_reason(tmp_path: Path) -> None:
    file = tmp_path / "reviews.csv"
    file.write_text("reviewerID,asin,overall,unixReviewTime\n" + "".join(f"R1,P{n},5,1000\n" for n in range(3)))
    advice = "import products first, or use --create-products"
    reason = rf"^no row can be used: asin: there is no such product; {advice} \(3 times, first in "
    with pytest.raises(CommandError, match=reason):
        seed("seed_reviews", str(file))


def test_kinds_of_reasons_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "MAX_KINDS", 2)
    reasons = rejections.Reasons()
    for number in range(5):
        place = rejections.Location("file", number)
        reasons.add(rejections.Rejection(place, f"reason {number}", f"reason {number}", damage=False))
    assert reasons.counts == {"reason 0": 1, "reason 1": 1, "other reasons": 3}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "message", "stored"),
    [
        (
            'asin,title\nP1,"never closed\nP2,Two\n',
            "the quote that opens in line 2 is not closed; the rows that could be read are stored",
            {"P2"},
        ),
        (
            'asin,title\nP1,One\nP2,"Cut in the mid',
            "the file ends inside the quoted field that opens in line 3; the rows that could be read are stored",
            {"P1"},
        ),
        (
            '{"asin": "P1"}\n{"asin": "P2", "title": "Cut in the mid',
            "the file ends inside an object; the rows that could be read are stored",
            {"P1"},
        ),
    ],
)
def test_a_damaged_file_is_exit_1_and_its_good_rows_are_stored(
    text: str, message: str, stored: set[str], tmp_path: Path
) -> None:
    file = tmp_path / "products.csv"
    file.write_text(text)
    with pytest.raises(CommandError) as raised:
        seed("seed_products", str(file))
    assert str(raised.value) == f"{file}: {message}"
    assert set(Product.objects.values_list("asin", flat=True)) == stored


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        ("<html>", "looks like HTML or XML"),
        ("name,price\nx,1\n", "no column for the product"),
        ("\x1f\N{CYRILLIC SMALL LETTER A}", "no column for the product"),
        ("[{", "line 1: the array is cut off or no JSON"),
    ],
)
def test_an_error_in_a_later_file_says_what_was_stored_before(
    content: str | None, message: str, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(PRODUCTS)
    if content is not None:
        second.write_text(content)
    with pytest.raises(CommandError) as raised:
        seed("seed_products", str(first), str(second))
    assert str(raised.value).startswith(f"{second}: ")
    assert message in str(raised.value)
    assert str(raised.value).endswith(f" (before that: {STORED})")
    assert Product.objects.count() == 1
    with pytest.raises(CommandError, match=r"\(before that: .*, nothing written\)$"):
        seed("seed_products", str(first), str(second), "--dry-run")


@pytest.mark.django_db
def test_an_error_in_a_later_file_does_not_hide_errors_of_an_earlier_one(tmp_path: Path) -> None:
    first, missing = tmp_path / "first", tmp_path / "missing"
    first.write_text(HEADER + 'P1,One\n,none\n,none\nbad asin,x\nP2,"Cut in the mid')
    with pytest.raises(CommandError) as raised:
        seed("seed_products", str(first), str(missing))
    assert str(raised.value) == (
        f"{missing}: No such file or directory (before that: "
        "5 read, 1 created, 0 updated, 0 unchanged, 4 rejected; rejected: "
        f"the file ends inside a quoted field (once, in {first}, line 6); "
        f"asin: missing (2 times, first in {first}, line 3); "
        f"asin: not 1 to 255 letters, digits or . _ - (once, in {first}, line 5))"
    )


@pytest.mark.django_db
def test_damage_does_not_hide_other_reasons(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + 'P1,One\n,none\nP2,"Cut in the mid')
    with pytest.raises(CommandError) as raised:
        seed("seed_products", str(file))
    assert str(raised.value).endswith(
        "; the rows that could be read are stored; "
        f"rejected: the file ends inside a quoted field (once, in {file}, line 4); "
        f"asin: missing (once, in {file}, line 3)"
    )


@pytest.mark.django_db(transaction=True)
def test_rows_refused_before_a_second_attempt_are_counted(tmp_path: Path) -> None:
    Product.objects.create(asin="P1")
    file = tmp_path / "reviews.csv"
    file.write_text("reviewerID,asin,overall,unixReviewTime\n" + "".join(f"R1,P{n},5,1000\n" for n in (1, 2, 3)))
    importing = ReviewImporter(known={"P3"})  # which is deleted since
    counts = importing.run([str(file)])
    assert (counts.read, counts.created, counts.rejected) == (3, 1, 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("when", ["before the first batch", "between two batches"])
def test_a_product_deleted_during_an_import_loses_only_its_rows(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "BATCH_ROWS", 4)
    Product.objects.bulk_create([Product(asin="P1"), Product(asin="P2")])
    file = tmp_path / "reviews.csv"
    rows = [f"R{number},P{number % 2 + 1},5,1000" for number in range(8)]
    file.write_text("reviewerID,asin,overall,unixReviewTime\n" + "\n".join(rows))
    told: list[tuple[int, str]] = []

    def delete(counts: Counts) -> None:
        Product.objects.filter(asin="P2").delete()

    importing = ReviewImporter(reject=lambda place, reason: told.append((place.line, reason)))
    if when == "before the first batch":
        importing.known = {"P1", "P2"}
        Product.objects.filter(asin="P2").delete()
        lost = [3, 5, 7, 9]
    else:
        importing.progress = delete
        lost = [7, 9]
    counts = importing.run([str(file)])
    assert told == [(line, "asin: there is no product P2") for line in lost]
    assert (counts.read, counts.rejected, counts.created) == (8, len(lost), 8 - len(lost))
    assert {review.product_id for review in Review.objects.all()} == {"P1"}


@pytest.mark.django_db
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("rejected", [1, 30_000])
def test_rejects_on_a_full_disk_are_one_line(rejected: int, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(PRODUCTS + ",none\n" * rejected)
    with pytest.raises(CommandError, match=r"^--rejects: /dev/full: No space left on device \(before that: ") as raised:
        seed("seed_products", str(file), "--rejects", "/dev/full")
    assert " 1 created, " in str(raised.value)
    assert Product.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("name", [".", "missing/rejects.csv", "x" * 300])
def test_rejects_that_cannot_be_opened_are_one_line(name: str, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(PRODUCTS)
    with pytest.raises(CommandError, match=r"^--rejects: .*: [A-Z]"):
        seed("seed_products", str(file), "--rejects", str(tmp_path / name))


@pytest.mark.slow
@pytest.mark.usefixtures("own_database")
def test_an_import_works_in_an_ascii_locale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in ("LC_ALL=C", "PYTHONUTF8=0", "PYTHONCOERCECLOCALE=0", "PYTHONIOENCODING=ascii"):
        monkeypatch.setenv(*setting.split("="))
    file, rejects = tmp_path / "stühle.csv", tmp_path / "rejects.csv"
    file.write_bytes(f"{HEADER}P1,Stühle\nP2,Stühle,x\n".encode())
    done = shell("seed_products", str(file), "--rejects", str(rejects), "--strict")
    assert done.stdout == b"2 read, 1 created, 0 updated, 0 unchanged, 1 rejected" + AS_CSV.encode()
    assert done.stderr.startswith(b"CommandError: 1 rows cannot be used: 3 columns, and the header has 2 (once, in ")
    assert done.stderr.count(b"\n") == 1
    assert rejects.read_bytes().splitlines()[1] == os.fsencode(f"{file},3,") + b'"3 columns, and the header has 2"'


@pytest.mark.slow
@pytest.mark.usefixtures("own_database")
def test_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(PRODUCTS)
    command = "exec {} manage_recommender.py seed_products {} "
    reader, writer = os.pipe()
    os.close(reader)
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        for stdout in (full, writer):
            done = shell("seed_products", str(file), stdout=stdout)
            assert done.returncode == 1
            assert done.stderr.startswith(b"CommandError: standard output cannot be written; 1 read, ")
            assert done.stderr.count(b"\n") == 1
    os.close(writer)
    done = closed(command, file, ">&-")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert done.stderr.startswith(b"CommandError: standard output cannot be written; 1 read, ")
    assert closed(command, file, "2>&-").stdout.startswith(b"1 read, 0 created, 0 updated, 1 unchanged, 0 rejected")


def closed(command: str, file: Path, redirection: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command from a shell that closes one of its streams."""
    text = command.format(sys.executable, file) + redirection
    return subprocess.run(["sh", "-c", text], cwd=ROOT, capture_output=True)
