"""The recommender with a standby: real data while the database is down, for what was never asked before."""

import re
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.utils import timezone

import service.standby
from catalog import review_repository
from catalog.models import Product, Review, Withdrawal
from catalog.rows import select
from catalog.withdrawals import withdrawals
from recommendations import repository as recommendations
from recommendations.models import MerchandisingRule
from recommender_site import standby_file
from resilience import breakers, fallback
from resilience import standby as standby_of_resilience
from resilience.errors import CallFailed
from tests.standby import Standby, configured

pytestmark = pytest.mark.django_db(transaction=True)
DAY = 86_400


@pytest.fixture
def standby(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standby]:
    monkeypatch.setattr(recommendations, "popular_cache", recommendations.PopularCache())
    Withdrawal.objects.all().delete()  # on SQLite, those of other tests' products
    for number in range(6):
        Product.objects.create(
            asin=f"PEN{number}",
            title=f"Fountain pen {number}",
            brand="Inkwell",
            categories=["Office", "Pens"],
            price="2.50",
            related={"also_bought": ["PEN0"]},
        )
    Review.objects.bulk_create(
        Review(
            reviewer_id=f"r{reviewer}",
            product_id=f"PEN{number}",
            overall=1 + number % 5,
            unix_review_time=(16_000 + reviewer) * DAY,
            review_text=f"Text {reviewer}",
        )
        for number in range(3)
        for reviewer in range(4)
    )
    with configured(tmp_path / "standby.sqlite3") as made:
        yield made


def source(client: Client, path: str) -> tuple[str, str | None]:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.headers["X-Data-Source"], answer.headers.get("Age")


READS = [
    "/products",
    "/products?q=fountain&category=Pens&min_rating=1&sort=-price",
    "/products?asins=PEN3,PEN1",
    "/products/facets?q=pen",
    "/products/PEN0",
    "/products/PEN0/reviews?sort=helpful",
    "/products/PEN0/reviews/summary",
    "/products/PEN0/recommendations",
    "/reviews?reviewerID=r1",
    "/reviews?sort=newest",
    "/reviewers/r1/recommendations",
    "/recommendations/popular?category=Pens",
]


def test_what_was_never_asked_is_answered_as_before_the_outage(
    client: Client, standby: Standby, lose_database: Callable[[], None]
) -> None:
    now = timezone.now()
    MerchandisingRule.objects.create(product=Product.objects.get(asin="PEN4"), action="pin", starts=now)
    call_command("build_recommendations", verbosity=0)
    live = {path: client.get(path) for path in READS}
    assert {each.headers["X-Data-Source"] for each in live.values()} == {"live"}
    standby.refresh(age=100)
    fallback.stale_cache.clear()
    lose_database()
    for path, before in live.items():
        found = client.get(path)
        assert (path, found.status_code, found.headers["X-Data-Source"]) == (path, 200, "stale")
        assert 100 <= int(found.headers["Age"]) < 130
        assert found.json() == before.json()
        assert found.json()
    assert breakers.get("standby").describe()["answers"]["stale"] == len(READS)
    assert breakers.get("database").describe()["answers"] == {"live": len(READS), "stale": len(READS), "default": 0}


def test_a_posted_recommendation_is_answered_too(
    client: Client, standby: Standby, lose_database: Callable[[], None]
) -> None:
    standby.refresh()
    lose_database()
    found = client.post("/recommendations", {"asins": ["PEN1"]}, content_type="application/json")
    assert found.headers["X-Data-Source"] == "stale"
    assert found.json()[0]["title"].startswith("Fountain pen")


def test_the_fresher_of_the_kept_answer_and_the_standby_is_served(
    client: Client, standby: Standby, lose_database: Callable[[], None]
) -> None:
    standby.refresh(age=100)
    client.get("/products/PEN0")
    lose_database()
    assert int(source(client, "/products/PEN0")[1] or 100) < 100
    assert source(client, "/products/PEN1") == ("stale", "100")
    key = next(iter(fallback.stale_cache._kept))
    kept = fallback.stale_cache._kept[key]
    fallback.stale_cache._kept[key] = kept._replace(since=kept.since - 500)
    assert source(client, "/products/PEN0") == ("stale", "100")


def test_what_the_standby_does_not_have_may_be_new_and_gets_the_default(
    client: Client, standby: Standby, lose_database: Callable[[], None]
) -> None:
    standby.refresh()
    lose_database()
    assert source(client, "/products/NEW") == ("default", None)


def test_without_a_file_readers_get_the_default(
    client: Client, standby: Standby, lose_database: Callable[[], None]
) -> None:
    lose_database()
    assert source(client, "/products/PEN0") == ("default", None)
    assert breakers.get("standby").state == "closed"  # it says nothing about a database


def test_a_file_that_is_too_old_is_not_served(
    client: Client, standby: Standby, lose_database: Callable[[], None]
) -> None:
    standby.refresh(age=86_401)
    lose_database()
    assert source(client, "/products/PEN0") == ("default", None)


def test_a_damaged_file_opens_its_own_breaker_and_costs_no_reader_an_answer(
    client: Client, standby: Standby, lose_database: Callable[[], None]
) -> None:
    standby.file.write_bytes(b"no database" * 1000)
    lose_database()
    assert source(client, "/products/PEN0") == ("default", None)
    assert breakers.get("standby").state == "open"


def test_a_slow_statement_ends_at_the_deadline(standby: Standby) -> None:
    standby.refresh()
    breakers.get("standby").deadline = 0.2
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    started = time.monotonic()
    assert standby_of_resilience.read(lambda: select(endless)) is None
    assert time.monotonic() - started < 2
    assert breakers.get("standby").state == "closed"
    found = standby_of_resilience.read(Product.objects.count)
    assert found
    assert found.answer == 6


def test_a_file_of_an_earlier_release_costs_no_reader_an_answer(
    client: Client, standby: Standby, lose_database: Callable[[], None]
) -> None:
    standby.refresh()
    with sqlite3.connect(standby.file) as file:
        file.execute("DROP TABLE recommendations_merchandisingrule")
    file.close()
    lose_database()
    assert source(client, "/products/PEN0")[0] == "stale"
    assert source(client, "/products/PEN0/recommendations")[0] == "default"


def test_a_new_file_is_noticed(client: Client, standby: Standby, lose_database: Callable[[], None]) -> None:
    standby.refresh(age=300)
    Product.objects.filter(asin="PEN0").update(title="New title")
    later = Standby(standby.file.with_name("later.sqlite3"))
    later.refresh(age=50)
    lose_database()
    assert client.get("/products/PEN0").json()["title"] == "Fountain pen 0"
    later.file.replace(standby.file)
    answer = client.get("/products/PEN0")
    assert (answer.json()["title"], answer.headers["Age"]) == ("New title", "50")


def test_operators_see_kind_age_and_use(
    client: Client, standby: Standby, lose_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/readyz").json()["standby"] == {"kind": "file", "age": None}
    service.standby.observe()
    assert "standby_age_seconds +Inf" in client.get("/metrics").content.decode()
    standby.refresh(age=100)
    service.standby.observe()
    found = client.get("/metrics").content.decode()
    assert 100 <= float(re.findall(r"^standby_age_seconds (.*)$", found, re.MULTILINE)[0]) < 130
    lose_database()
    client.get("/products")
    database, own, ads = client.get("/breakers").json()
    assert (database["standby"], ads["standby"]) == (None, None)
    assert own["standby"]["kind"] == "file"
    assert 100 <= own["standby"]["age"] < 130
    assert (database["answers"]["stale"], own["answers"]["stale"]) == (1, 1)
    assert 'data-name="standby"' in client.get("/status").content.decode()


def test_nothing_can_be_written_to_it(standby: Standby) -> None:
    standby.refresh()
    with connections["standby"].cursor() as cursor, pytest.raises(CallFailed) as failed:
        cursor.execute("DELETE FROM catalog_review")
    assert "readonly" in str(failed.value.__cause__)


def test_reviewers_do_not_get_their_own_review_from_it_which_they_may_be_about_to_change(
    standby: Standby, lose_database: Callable[[], None]
) -> None:
    standby.refresh(reviews_per_product=1)
    lose_database()
    assert review_repository.find_own_review(asin="PEN0", reviewer_id="r0") is None


def test_writes_sign_in_and_sessions_do_not_use_it(
    client: Client, standby: Standby, lose_database: Callable[[], None]
) -> None:
    standby.refresh()
    lose_database()
    assert client.post("/reviews", {"asin": "PEN0"}, content_type="application/json").status_code in (401, 503)
    assert client.get("/admin/").status_code in (302, 503)
    assert breakers.get("standby").describe()["answers"]["stale"] == 0


def test_a_withdrawn_product_and_a_rejected_review_do_not_come_back(
    client: Client, standby: Standby, lose_database: Callable[[], None]
) -> None:
    standby.refresh()
    Product.objects.filter(asin="PEN0").update(is_listed=False)
    review = Review.objects.filter(product_id="PEN1").earliest("id")
    Review.objects.filter(pk=review.pk).update(state="rejected")
    withdrawals.read()
    lose_database()
    assert "PEN0" not in [each["asin"] for each in client.get("/products").json()]
    popular = client.get("/recommendations/popular")
    assert {each["asin"] for each in popular.json()} == {f"PEN{number}" for number in range(1, 6)}
    reviews = client.get("/products/PEN1/reviews")
    assert reviews.headers["X-Data-Source"] == "stale"
    assert len(reviews.json()) == 3
    assert review.pk not in [each["id"] for each in reviews.json()]


def test_a_process_that_starts_after_a_withdrawal_learns_of_it_too(
    client: Client, standby: Standby, lose_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    standby.refresh()
    Product.objects.filter(asin="PEN0").update(is_listed=False)
    monkeypatch.setattr(withdrawals, "_next", None)  # as in a process that has just started
    withdrawals.read()
    lose_database()
    found = client.get("/products")
    assert found.headers["X-Data-Source"] == "stale"
    assert "PEN0" not in [each["asin"] for each in found.json()]


def test_a_process_that_started_before_there_was_a_file_learns_what_was_withdrawn_since_it_was_made(
    client: Client, standby: Standby, lose_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished = Standby(standby.file.with_name("unfinished.sqlite3"))
    unfinished.refresh()
    Product.objects.filter(asin="PEN0").update(is_listed=False)
    monkeypatch.setattr(withdrawals, "_next", None)
    withdrawals.read()
    unfinished.file.replace(standby.file)
    withdrawals.read()
    lose_database()
    found = client.get("/products")
    assert found.headers["X-Data-Source"] == "stale"
    assert "PEN0" not in [each["asin"] for each in found.json()]


def test_popular_products_of_the_standby_do_not_pass_for_those_of_now(
    client: Client, standby: Standby, lose_database: Callable[[], None]
) -> None:
    standby.refresh()
    lose_database()
    client.get("/recommendations/popular")
    assert recommendations.popular_cache.products() == []


def test_older_and_less_helpful_reviews_keep_all_but_their_texts(
    client: Client, standby: Standby, lose_database: Callable[[], None]
) -> None:
    Review.objects.filter(product_id="PEN0", review_text="Text 0").update(helpful_votes=3, total_votes=3)
    written = standby.refresh(reviews_per_product=2)
    assert (written.products, written.reviews) == (6, 12)
    lose_database()
    shown = client.get("/products/PEN0/reviews?sort=newest").json()
    assert [each["reviewText"] for each in shown] == ["Text 3", "Text 2", "", "Text 0"]
    assert [each["overall"] for each in shown] == [1, 1, 1, 1]
    assert len(client.get("/reviews?reviewerID=r0").json()) == 3


def test_the_file_is_private_and_has_published_reviews_only(standby: Standby) -> None:
    Review.objects.filter(reviewer_id="r0").update(state="pending")
    assert standby.refresh().reviews == 9
    assert stat.S_IMODE(standby.file.stat().st_mode) == 0o600
    with sqlite3.connect(standby.file) as file:
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    file.close()
    assert not {name for name in tables if name.startswith(("auth", "django_session", "campaigns"))}


def test_its_age_is_that_of_the_snapshot_which_it_was_made_from(standby: Standby) -> None:
    started = time.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("resilience.backends.protection._is_on", False)
        standby_file.refresh(standby.file, reviews_per_product=100)
    assert started < standby.file.stat().st_mtime < time.time()


def test_a_refresh_that_fails_leaves_the_file_in_use(
    client: Client, standby: Standby, lose_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    standby.refresh()
    before = standby.file.stat()
    monkeypatch.setattr("resilience.backends.protection._is_on", False)
    lose_database()
    with pytest.raises(CommandError, match="the database cannot be used"):
        call_command("refresh_standby")
    assert standby.file.stat() == before
    assert sorted(each.name for each in standby.file.parent.iterdir() if each.name.startswith("standby")) == [
        "standby.sqlite3",
        "standby.sqlite3.lock",
    ]


def test_a_second_refresh_at_once_says_so(standby: Standby) -> None:
    with standby_file._exclusive(standby.file), pytest.raises(CommandError, match="another refresh is running"):
        call_command("refresh_standby")


@pytest.mark.parametrize("option", ["reviews-per-product", "every"])
def test_numbers_below_one_are_refused(standby: Standby, option: str) -> None:
    with pytest.raises(CommandError, match=f"^--{option}: must be 1 or more$"):
        call_command("refresh_standby", f"--{option}=0")


def test_without_a_file_to_write_the_setting_is_named(db: None) -> None:
    with pytest.raises(CommandError, match=r"^STANDBY_URL: must be sqlite:///path"):
        call_command("refresh_standby")


def test_what_a_killed_refresh_left_is_replaced(standby: Standby) -> None:
    standby.file.with_name("standby.sqlite3.new").write_text("half")
    assert standby.refresh().products == 6


def test_a_full_disk_is_told_in_one_line(standby: Standby, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resilience.backends.protection._is_on", False)
    monkeypatch.setattr(standby_file, "_PRAGMAS", (*standby_file._PRAGMAS, "max_page_count = 20"))
    with pytest.raises(CommandError, match=r"^the database cannot be used: .*database or disk is full$"):
        call_command("refresh_standby")
    assert not standby.file.exists()


def test_writers_do_not_wait_for_a_refresh(standby: Standby, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what they write meanwhile is not in the file: all of it is of one moment."""
    reached, written = threading.Event(), threading.Event()
    copy = standby_file._copy

    def pausing(*args: object, **options: object) -> int:
        if not reached.is_set():
            reached.set()
            assert written.wait(10)
        return copy(*args, **options)  # type: ignore[arg-type]

    def write() -> None:
        assert reached.wait(10)
        Product.objects.create(asin="MEANWHILE")
        connections.close_all()
        written.set()

    monkeypatch.setattr(standby_file, "_copy", pausing)
    writer = threading.Thread(target=write)
    writer.start()
    assert standby.refresh().products == 6
    writer.join()
    assert Product.objects.filter(asin="MEANWHILE").exists()
