"""The seed commands as they are typed."""

import csv
import gzip
import io
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.importers import files, formats
from catalog.importers.products import ProductImporter
from catalog.importers.reviews import ReviewImporter
from catalog.models import Product, Review

ROOT = Path(__file__).resolve().parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
HEADER = "asin,title\n"


def seed(command: str, *words: str) -> str:
    out = io.StringIO()
    call_command(command, *words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def shell(*words: str, feed: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """A command in a process of its own, on a database of its own."""
    return subprocess.run([sys.executable, "manage_recommender.py", *words], cwd=ROOT, input=feed, capture_output=True)


@pytest.mark.django_db
def test_it_ends_with_one_line_of_counts(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + "P1,Pen\nP2,Pad\nbad asin,?\n")
    assert seed("seed_products", str(file)) == "3 read, 2 created, 0 updated, 0 unchanged, 1 rejected\n"
    assert seed("seed_products", str(file)) == "3 read, 0 created, 0 updated, 2 unchanged, 1 rejected\n"


@pytest.mark.django_db
@pytest.mark.parametrize("packing", ["plain", "gz", "zip"])
def test_it_unpacks_whatever_the_name(packing: str, tmp_path: Path) -> None:
    content = ("\ufeff" + HEADER + "P1,Pen\n").encode()
    file = tmp_path / "products"
    if packing == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("folder/products.csv", content)
    else:
        file.write_bytes(gzip.compress(content) if packing == "gz" else content)
    assert seed("seed_products", str(file)).startswith("1 read, 1 created")


@pytest.mark.django_db
def test_rejected_rows_go_to_a_file_with_their_line_and_reason(tmp_path: Path) -> None:
    file, rejects = tmp_path / "products.csv", tmp_path / "rejects.csv"
    file.write_text(HEADER + 'P1,"two\nlines"\nbad asin,x\nP2\n,none\n')
    with pytest.raises(CommandError, match="3 rows cannot be used"):
        seed("seed_products", str(file), "--rejects", str(rejects), "--strict")
    assert list(csv.reader(rejects.read_text().splitlines())) == [
        ["file", "line", "reason"],
        [str(file), "4", "asin: not 1 to 32 letters, digits or . _ -"],
        [str(file), "5", "1 columns, and the header has 2"],
        [str(file), "6", "asin: missing"],
    ]
    assert Product.objects.get().title == "two\nlines"


@pytest.mark.django_db
def test_rejects_never_overwrite_what_is_read(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + "P1,Pen\n")
    (tmp_path / "link.csv").symlink_to(file)
    with pytest.raises(CommandError, match="is one of the files to read"):
        seed("seed_products", str(file), "--rejects", str(tmp_path / "link.csv"))
    assert file.read_text() == HEADER + "P1,Pen\n"


@pytest.mark.django_db
def test_a_line_without_end_in_a_zip_is_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LINE", 50_000)
    file = tmp_path / "products.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("products.csv", HEADER + "P1," + "x" * 500_000 + "\nP2,fine\n")
    assert seed("seed_products", str(file)) == "2 read, 1 created, 0 updated, 0 unchanged, 1 rejected\n"


@pytest.mark.django_db
def test_bytes_that_are_no_utf8_and_lines_without_end_cost_only_their_own_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_LINE", 100)
    file = tmp_path / "products.csv"
    file.write_bytes(HEADER.encode() + b"P1,\xff\nP2,nul\0\nP3," + b"x" * 1000 + b"\nP4,fine\n")
    assert seed("seed_products", str(file)) == "4 read, 1 created, 0 updated, 0 unchanged, 3 rejected\n"
    assert Product.objects.get().asin == "P4"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        (None, [], "No such file or directory"),
        (b"a,b\n1,2\n", [], "no column asin"),
        (b'{"asin": "P1"}', ["--format", "csv"], "no column asin"),
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
def test_a_zip_of_two_files_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "two.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.csv", HEADER)
        archive.writestr("b.csv", HEADER)
    with pytest.raises(CommandError, match="holds 2 files, and must hold one"):
        seed("seed_products", str(file))


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


@pytest.mark.django_db
@pytest.mark.parametrize("importer", [ProductImporter, ReviewImporter])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=garbage)
def test_garbage_is_counted_and_never_a_traceback(
    importer: type[ProductImporter | ReviewImporter], content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "garbage"
    file.write_bytes(content)
    told: list[str] = []
    try:
        counts = importer(reject=lambda place, reason: told.append(reason)).run([str(file)])
    except (files.UnreadableFile, formats.UnknownFormat):
        pass  # the file as a whole was refused, with a reason
    else:
        assert counts.rejected == len(told)
        assert counts.read == counts.created + counts.updated + counts.unchanged + counts.rejected


@pytest.fixture
def own_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migrated database that the processes of this test share, and no other test."""
    if connection.vendor == "postgresql":
        from tests import postgres_server

        url = postgres_server.start()
    else:
        url = f"sqlite:///{tmp_path / 'shop.sqlite3'}"
    monkeypatch.setenv("DATABASE_URL", url)
    assert shell("migrate", "--verbosity=0").returncode == 0


@pytest.mark.usefixtures("own_database")
def test_it_reads_standard_input_and_says_when_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    done = shell("seed_products", "-", "-", feed=gzip.compress(HEADER.encode() + b"P1,Pen\n"))
    assert done.stdout == b"1 read, 1 created, 0 updated, 0 unchanged, 0 rejected\n"
    monkeypatch.setenv("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
    done = shell("seed_products", "-", feed=HEADER.encode() + b"P1,Pen\n")
    assert done.returncode == 1
    assert done.stderr.startswith(b"CommandError: the database cannot be used: ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.usefixtures("own_database")
@pytest.mark.parametrize(("number", "said"), [(signal.SIGKILL, ""), (signal.SIGINT, "CommandError: interrupted; .*\n")])
def test_a_killed_import_is_completed_by_a_second_run(number: signal.Signals, said: str, tmp_path: Path) -> None:
    file = tmp_path / "reviews.csv"
    rows = 60_000
    with file.open("w") as out:
        out.write("reviewerID,asin,overall,unixReviewTime\n")
        out.writelines(f"R{n},P{n % 10},5,{n}\n" for n in range(rows))
    words = [sys.executable, "manage_recommender.py", "seed_reviews", "--create-products"]
    # It gets two batches and then no more, so it is killed while it waits for the third.
    pipe = subprocess.PIPE
    process = subprocess.Popen([*words, "-"], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdin
    with file.open() as content:
        process.stdin.writelines(line for line, _ in zip(content, range(45_000), strict=False))
    process.stdin.flush()
    time.sleep(4)
    process.send_signal(number)
    assert process.wait(15)
    told, errors = process.communicate()
    assert told == ""
    assert re.fullmatch(said, errors)
    done = subprocess.run([*words, str(file)], cwd=ROOT, capture_output=True, text=True)
    # Whole batches of the first run stayed.
    assert done.stdout in {
        f"{rows} read, {rows - kept} created, 0 updated, {kept} unchanged, 0 rejected\n" for kept in (20_000, 40_000)
    }
    done = subprocess.run([*words, str(file)], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == f"{rows} read, 0 created, 0 updated, {rows} unchanged, 0 rejected\n"


@pytest.mark.django_db
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason=f"the real review data is not at {SHARED_DATA}")
def test_the_real_data_comes_in_whole() -> None:
    office = SHARED_DATA / "office_2014"
    assert seed("seed_products", str(office / "meta_office.csv.gz")).startswith("2420 read, 2420 created")
    reviews = str(office / "office_both_set.csv.gz")
    assert seed("seed_reviews", reviews) == "53258 read, 53258 created, 0 updated, 0 unchanged, 0 rejected\n"
    music = SHARED_DATA / "musical_instruments_2014"
    assert "900 created" in seed("seed_products", str(music / "Music_Instruments_meta_5.csv"))
    assert "10261 created" in seed("seed_reviews", str(music / "Musical_instruments_reviews.csv.gz"))
    assert "50 unchanged" in seed("seed_reviews", str(music / "reviews_Musical_Instruments_5.head50.json"))
    cards = SHARED_DATA / "gift_cards_2018"
    assert "1547 created" in seed("seed_products", str(cards / "meta_Gift_Cards.json.gz"))
    assert "2965 created, 0 updated, 7 unchanged" in seed("seed_reviews", str(cards / "Gift_Cards_5.json.gz"))
    assert not Product.objects.filter(title__contains="&amp;").exists()
    assert Review.objects.filter(product_id="1384719342").exists()
