"""The seed commands and their options."""

import csv
import gzip
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError

from catalog.models import Product, Review
from tests.catalog.seeding import AS_CSV, HEADER, NEXT, ROOT, seed, shell
from tests.e2e.services import eventually

SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.mark.django_db
def test_it_ends_with_the_counts_and_what_was_rejected(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + "P1,Pen\nP2,Pad\n")
    assert seed("seed_products", str(file)) == "2 read, 2 created, 0 updated, 0 unchanged, 0 rejected" + AS_CSV + NEXT
    file.write_text(HEADER + "P1,Pen\nP2,Pad\nbad asin,?\n")
    assert seed("seed_products", str(file)) == (
        f"3 read, 0 created, 0 updated, 2 unchanged, 1 rejected{AS_CSV}"
        f"rejected: asin: not 1 to 255 letters, digits or . _ - (once, in {file}, line 4)\n"
    )


@pytest.mark.django_db
def test_rejected_rows_go_to_a_file_with_their_line_and_reason(tmp_path: Path) -> None:
    file, rejects = tmp_path / "products.csv", tmp_path / "rejects.csv"
    file.write_text(HEADER + 'P1,"two\nlines"\nbad asin,x\nP2\n,none\n')
    with pytest.raises(CommandError, match="3 rows cannot be used"):
        seed("seed_products", str(file), "--rejects", str(rejects), "--strict")
    assert list(csv.reader(rejects.read_text().splitlines())) == [
        ["file", "line", "reason"],
        [str(file), "4", "asin: not 1 to 255 letters, digits or . _ -"],
        [str(file), "5", "1 columns, and the header has 2"],
        [str(file), "6", "asin: missing"],
    ]
    assert Product.objects.get().title == "two\nlines"


@pytest.mark.django_db
def test_a_field_that_cannot_be_read_is_among_the_rejects_and_strict_refuses_it(tmp_path: Path) -> None:
    file, rejects = tmp_path / "products.csv", tmp_path / "rejects.csv"
    file.write_text("asin,title,price\nP1,Pen,2\nP2,Pad,Free\nP3,Ink,Free\n")
    with pytest.raises(CommandError, match=rf"^price unreadable: 2 \(first 'Free' in {file}, line 3\)$"):
        seed("seed_products", str(file), "--rejects", str(rejects), "--strict")
    reason = "price: unreadable 'Free'; the rest of the row is stored"
    assert list(csv.reader(rejects.read_text().splitlines()))[1:] == [[str(file), line, reason] for line in "34"]
    assert set(Product.objects.values_list("title", "price")) == {("Pen", 2), ("Pad", None), ("Ink", None)}


@pytest.mark.django_db
def test_an_import_that_changes_nothing_does_not_ask_for_a_build(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + "P1,Pen\n")
    assert NEXT not in seed("seed_products", str(file), "--dry-run")
    assert NEXT in seed("seed_products", str(file))
    assert NEXT not in seed("seed_products", str(file))


@pytest.mark.django_db
@pytest.mark.parametrize("content", ["", HEADER])
def test_a_file_without_rows_is_an_error_only_with_strict(content: str, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(content)
    assert seed("seed_products", str(file)).startswith("0 read")
    with pytest.raises(CommandError, match="there are no rows"):
        seed("seed_products", str(file), "--strict")


@pytest.mark.django_db
def test_a_file_in_windows_1252_gets_advice_how_to_save_it(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_bytes("asin,title\nP1,Stühle\nP2,Pen\n".encode("cp1252"))
    reason = f"title: not UTF-8; save the file as UTF-8 (in Excel: CSV UTF-8) (once, in {file}, line 2)"
    assert f"rejected: {reason}\n" in seed("seed_products", str(file))


@pytest.mark.slow
def test_without_a_database_only_migrate_creates_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "shop.sqlite3"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{file}")
    done = shell("seed_products", "-", feed=HEADER.encode() + b"P1,Pen\n")
    missing = f"CommandError: the database cannot be used: there is no file {file}; the command migrate creates it\n"
    assert (done.returncode, done.stderr.decode()) == (1, missing)
    assert not file.exists()
    assert shell("migrate", "--verbosity=0").returncode == 0
    assert shell("seed_products", "-", feed=HEADER.encode() + b"P1,Pen\n").returncode == 0


@pytest.mark.django_db
def test_rejects_never_overwrite_what_is_read(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + "P1,Pen\n")
    (tmp_path / "link.csv").symlink_to(file)
    with pytest.raises(CommandError, match="is one of the files to read"):
        seed("seed_products", str(file), "--rejects", str(tmp_path / "link.csv"))
    assert file.read_text() == HEADER + "P1,Pen\n"


@pytest.mark.slow
@pytest.mark.usefixtures("own_database")
def test_rejects_never_overwrite_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + "P1,Pen\n")
    with file.open("rb") as stream:
        words = [sys.executable, "manage_recommender.py", "seed_products", "-", "--rejects", str(file)]
        done = subprocess.run(words, cwd=ROOT, stdin=stream, capture_output=True)
    assert (done.returncode, b"is one of the files to read" in done.stderr) == (1, True)
    assert file.read_text() == HEADER + "P1,Pen\n"


@pytest.mark.slow
@pytest.mark.usefixtures("own_database")
def test_it_reads_standard_input_and_says_when_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    done = shell("seed_products", "-", "-", feed=gzip.compress(HEADER.encode() + b"P1,Pen\n"))
    assert done.stdout.decode() == "1 read, 1 created, 0 updated, 0 unchanged, 0 rejected" + AS_CSV + NEXT
    monkeypatch.setenv("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
    done = shell("seed_products", "-", feed=HEADER.encode() + b"P1,Pen\n")
    assert done.returncode == 1
    assert done.stderr.startswith(b"CommandError: the database cannot be used: ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.slow
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
    eventually(lambda: shell("shell", "-v0", "-c", "print(Review.objects.count())").stdout == b"40000\n", 60)
    process.send_signal(number)
    assert process.wait(15)
    told, errors = process.communicate()
    assert told == ""
    assert re.fullmatch(rf"(\d+ rows so far\n)*{said}", errors)  # a slow machine takes longer than ten seconds
    done = subprocess.run([*words, str(file)], cwd=ROOT, capture_output=True, text=True)
    # Whole batches of the first run stayed.
    assert done.stdout == f"{rows} read, 20000 created, 0 updated, 40000 unchanged, 0 rejected{AS_CSV}{NEXT}"
    done = subprocess.run([*words, str(file)], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == f"{rows} read, 0 created, 0 updated, {rows} unchanged, 0 rejected{AS_CSV}"


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason=f"the real review data is not at {SHARED_DATA}")
def test_the_real_data_comes_in_whole() -> None:
    office = SHARED_DATA / "office_2014"
    assert seed("seed_products", str(office / "meta_office.csv.gz")).startswith("2420 read, 2420 created")
    reviews = str(office / "office_both_set.csv.gz")
    assert seed("seed_reviews", reviews).startswith("53258 read, 53258 created, 0 updated, 0 unchanged, 0 rejected;")
    music = SHARED_DATA / "musical_instruments_2014"
    assert "900 created" in seed("seed_products", str(music / "Music_Instruments_meta_5.csv"))
    assert "10261 created" in seed("seed_reviews", str(music / "Musical_instruments_reviews.csv.gz"))
    assert "50 unchanged" in seed("seed_reviews", str(music / "reviews_Musical_Instruments_5.head50.json"))
    cards = SHARED_DATA / "gift_cards_2018"
    assert "1547 created" in seed("seed_products", str(cards / "meta_Gift_Cards.json.gz"))
    said = seed("seed_reviews", str(cards / "Gift_Cards_5.json.gz"))
    assert "2965 created, 0 updated, 7 merged with another row, 0 unchanged" in said
    assert not Product.objects.filter(title__contains="&amp;").exists()
    assert Review.objects.filter(product_id="1384719342").exists()
