"""Builds: one runs at a time, the switch is atomic, and one can be rolled back."""

import json
import time
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import IntegrityError

from catalog.models import Product, Review
from recommendations import builder, builds
from recommendations.engines import binary_copy, local
from recommendations.models import Build, Neighbours, Popular
from recommendations.weights import Weights
from service import advisory_locks

pytestmark = pytest.mark.django_db(transaction=True, reset_sequences=True)
DAY = 86_400


def run(*words: str) -> str:
    out = StringIO()
    call_command("build_recommendations", *words, stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def review(reviewer: str, asin: str, day: int = 16_000) -> None:
    Review.objects.create(reviewer_id=reviewer, product_id=asin, overall=5, unix_review_time=day * DAY)


@pytest.fixture
def shop() -> dict[str, int]:
    """Pens and pads that were reviewed together, and a chair without reviews. Returns ids by asin."""
    texts = {"PEN": ("Pen", ["Writing"]), "PAD": ("Pad", ["Paper"]), "INK": ("Ink for a pen", ["Writing"])}
    texts["CHAIR"] = ("Armchair \\ with\ttabs", ["Furniture \\ and\tmore"])
    for asin, (title, categories) in texts.items():
        Product.objects.create(asin=asin, title=title, categories=categories)
    for reviewer in ("anna", "bert"):
        review(reviewer, "PEN")
        review(reviewer, "PAD", day=16_090)
    return dict(Product.objects.values_list("asin", "id"))


def neighbours_of(product: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = json.loads(Neighbours.objects.get(build=builds.active(), product=product).others)
    return found


def test_a_build_has_the_neighbours_of_all_products(shop: dict[str, int]) -> None:
    said = run()
    assert said.startswith("Build 1: 4 products, 4 reviews, ")
    of_pen = neighbours_of(shop["PEN"])
    assert of_pen["products"] == [shop["PAD"], shop["INK"]]
    weights = Weights()
    assert of_pen["scores"][0] == pytest.approx(2 / (2 + weights.shrinkage))
    assert of_pen["from_reviews"] == [of_pen["scores"][0], 0]
    assert of_pen["trends"] == [2, 0]  # two reviews on the newest day
    assert neighbours_of(shop["INK"])["products"] == [shop["PEN"]]
    assert neighbours_of(shop["CHAIR"])["products"] == []


def test_popular_products_are_stored_for_all_and_by_category(shop: dict[str, int]) -> None:
    run()
    found = Popular.objects.filter(build=builds.active()).order_by("category", "place")
    overall = [each for each in found if not each.category]
    assert [each.product for each in overall] == [shop[asin] for asin in ("PAD", "PEN", "INK", "CHAIR")]
    assert [each.score for each in overall[:2]] == pytest.approx([2, 2 * 0.5 ** (90 / Weights().popular_half_life)])
    writing = [each for each in found if each.category == "Writing"]
    assert [(each.place, each.product) for each in writing] == [(1, shop["PEN"]), (2, shop["INK"])]
    assert [each.category for each in found if each.product == shop["CHAIR"]] == ["", "Furniture \\ and\tmore"]


def test_a_review_from_the_future_does_not_age_the_others(shop: dict[str, int]) -> None:
    today = int(time.time() / DAY)
    review("carl", "PEN", day=today)
    review("dora", "INK", day=40_000)
    run()
    overall = {each.product: each.score for each in Popular.objects.filter(build=builds.active(), category="")}
    assert overall[shop["INK"]] == pytest.approx(1)
    assert overall[shop["PEN"]] == pytest.approx(1, abs=0.05)


def test_only_the_previous_build_is_kept(shop: dict[str, int]) -> None:
    for _ in range(3):
        run()
    assert list(Build.objects.values_list("id", "is_active")) == [(3, True), (2, False)]
    assert set(Neighbours.objects.values_list("build", flat=True)) == {2, 3}


def test_rollback_and_the_next_build(shop: dict[str, int]) -> None:
    run()
    with pytest.raises(CommandError, match="there is no build before the active one"):
        run("--rollback")
    run()
    assert run("--rollback") == "Build 1 is active again"
    assert builds.active() == Build.objects.get(pk=1)
    run()
    assert list(Build.objects.values_list("id", "is_active")) == [(3, True), (1, False)]


def test_the_database_allows_one_active_build(shop: dict[str, int]) -> None:
    run()
    run()
    with pytest.raises(IntegrityError), transaction.atomic():
        Build.objects.update(is_active=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Build.objects.filter(is_active=True).update(finished_at=None)


@pytest.mark.parametrize("change", [lambda: review("carl", "INK"), lambda: Product.objects.create(asin="NEW")])
def test_if_changed_builds_only_if_something_is_new(shop: dict[str, int], change: Callable[[], object]) -> None:
    run("--if-changed")
    assert run("--if-changed") == "No product or review is new: the active build stays"
    change()
    assert run("--if-changed").startswith("Build 2: ")


def test_after_a_rollback_if_changed_waits_for_something_new(shop: dict[str, int]) -> None:
    run()
    review("carl", "INK")
    run()
    run("--rollback")
    assert run("--if-changed") == "No product or review is new: the active build stays"
    assert builds.active() == Build.objects.get(pk=1)
    review("carl", "PEN")
    assert run("--if-changed").startswith("Build 3: ")


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_build_leaves_the_active_one_and_the_next_cleans_up(
    shop: dict[str, int], interruption: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    with monkeypatch.context() as patch:
        patch.setattr(local, "_most_popular", lambda *args: (_ for _ in ()).throw(interruption))
        with pytest.raises((CommandError, MemoryError)):
            run()
    assert list(Build.objects.values_list("id", "is_active")) == [(2, False), (1, True)]
    run()
    assert list(Build.objects.values_list("id", "is_active")) == [(3, True), (1, False)]
    assert not Neighbours.objects.filter(build=2).exists()


def test_only_one_build_runs_at_a_time(shop: dict[str, int]) -> None:
    if connection.vendor == "postgresql":
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [advisory_locks.BUILD])
            with pytest.raises(CommandError, match="another build is running"):
                run()
        other.close()
    else:
        with builds.exclusive(), pytest.raises(CommandError, match="another build is running"):
            run()
    assert not Build.objects.exists()
    run()


def test_an_empty_shop_has_an_empty_build() -> None:
    assert run().startswith("Build 1: 0 products, 0 reviews, 0 neighbours")


def test_products_without_reviews_have_neighbours_by_text() -> None:
    for number in range(3):
        Product.objects.create(asin=f"P{number}", title="Fountain pen" if number else "Lamp")
    assert run().startswith("Build 1: 3 products, 0 reviews, 2 neighbours")


def test_rows_are_read_and_written_in_chunks(shop: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary_copy, "CHUNK", 3)
    monkeypatch.setattr(builder, "CHUNK", 3)
    run()
    assert neighbours_of(shop["PEN"])["products"] == [shop["PAD"], shop["INK"]]
