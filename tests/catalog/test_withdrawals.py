"""Withdrawals: who writes them, and what becomes of answers that were kept before."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import Client
from rest_framework.test import APIClient

from catalog import withdrawals as module
from catalog.models import Product, Withdrawal
from catalog.served import ProductRow
from catalog.withdrawals import Withdrawals
from tests.catalog.importing import as_lines, import_products
from tests.catalog.test_admin import form_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_withdrawn() -> None:
    """On SQLite, to clear the tables after another test deletes its products."""
    Withdrawal.objects.all().delete()


def states() -> list[tuple[str, bool, bool]]:
    return list(Withdrawal.objects.values_list("asin", "is_listed", "in_stock"))


def by_the_api(staff: APIClient, asin: str) -> None:
    assert staff.patch(f"/products/{asin}", {"listed": False}, format="json").status_code == 200


def by_the_admin(staff: APIClient, asin: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    product = Product.objects.get(asin=asin)
    form = form_of(product)
    del form["is_listed"]
    assert client.post(f"/admin/catalog/product/{product.pk}/change/", form).status_code == 302


def by_the_admins_action(staff: APIClient, asin: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    chosen = {"_selected_action": [Product.objects.get(asin=asin).pk], "action": "take_off_lists"}
    page = client.post("/admin/catalog/product/", chosen, follow=True).content.decode()
    assert "1 of 1 products were taken off the lists." in page
    assert LogEntry.objects.get().change_message == "Taken off the lists"


def by_sql(staff: APIClient, asin: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_product SET is_listed = FALSE WHERE asin = %s", [asin])


@pytest.mark.parametrize("hide", [by_the_api, by_the_admin, by_the_admins_action, by_sql])
def test_a_withdrawal_is_noted_whoever_makes_it(
    hide: Callable[[APIClient, str], None], staff: APIClient, pen: Product
) -> None:
    hide(staff, pen.asin)
    assert states() == [(pen.asin, False, True)]
    assert not Product.objects.get().is_listed


def test_an_import_notes_withdrawals(tmp_path: Path, pen: Product) -> None:
    import_products(tmp_path, as_lines([{"asin": pen.asin, "availability": "out of stock"}, {"asin": "P2"}]))
    assert states() == [(pen.asin, True, False)]


def test_deletions_and_changes_of_the_flags_are_noted_and_other_changes_are_not(
    pen: Product, products: list[Product]
) -> None:
    Product.objects.filter(pk=pen.pk).update(title="New", in_stock=True)
    Product.objects.create(asin="P1", is_listed=False)
    assert states() == []
    Product.objects.filter(pk=pen.pk).update(in_stock=False)
    Product.objects.filter(pk=pen.pk).update(is_listed=False)
    assert states() == [(pen.asin, False, False)]
    Product.objects.filter(pk=pen.pk).update(is_listed=True)
    assert states() == [(pen.asin, True, False)]
    products[0].delete()
    assert (products[0].asin, False, False) in states()


@pytest.fixture
def elsewhere() -> Withdrawals:
    """What another process knows, which has read once."""
    known = Withdrawals()
    known.read()
    return known


def test_only_answers_from_before_a_withdrawal_change(pen: Product, elsewhere: Withdrawals) -> None:
    row, other = ProductRow(pen.asin), ProductRow("P2")
    Product.objects.filter(pk=pen.pk).update(in_stock=False)
    elsewhere.read()
    before, after = 100.0, -100.0  # ages in seconds
    assert elsewhere.current(row, before) == row._replace(in_stock=False)
    assert elsewhere.current(other, before) == other
    assert elsewhere.current(row, after) == row
    assert not elsewhere.current(row._replace(is_listed=False), before).is_listed


def test_a_product_that_came_back_is_shown_again(pen: Product, elsewhere: Withdrawals) -> None:
    Product.objects.filter(pk=pen.pk).update(is_listed=False)
    elsewhere.read()
    Product.objects.filter(pk=pen.pk).update(is_listed=True)
    elsewhere.read()
    assert elsewhere.current(ProductRow(pen.asin), 100).is_listed


def test_a_product_that_was_created_again_is_shown_in_answers_since_then(pen: Product, elsewhere: Withdrawals) -> None:
    pen.delete()
    elsewhere.read()
    Product.objects.create(asin=pen.asin)
    assert not elsewhere.current(ProductRow(pen.asin), 100).is_listed
    assert elsewhere.current(ProductRow(pen.asin), -0.001).is_listed


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_a_withdrawal_is_read_whenever_it_is_committed(
    pen: Product, products: list[Product], elsewhere: Withdrawals
) -> None:
    is_changed, may_commit = threading.Event(), threading.Event()

    def change_slowly() -> None:
        with transaction.atomic():
            Product.objects.filter(pk=pen.pk).update(is_listed=False)
            is_changed.set()
            may_commit.wait(30)
        connections.close_all()

    thread = threading.Thread(target=change_slowly)
    thread.start()
    is_changed.wait(30)
    for product in products[:3]:  # later transactions, committed earlier
        Product.objects.filter(pk=product.pk).update(is_listed=False)
        elsewhere.read()
        assert not elsewhere.current(ProductRow(product.asin), 100).is_listed
        assert elsewhere.current(ProductRow(pen.asin), 100).is_listed
    may_commit.set()
    thread.join()
    elsewhere.read()
    assert not elsewhere.current(ProductRow(pen.asin), 100).is_listed


def test_what_is_read_again_does_not_count_as_new(pen: Product, elsewhere: Withdrawals) -> None:
    Product.objects.filter(pk=pen.pk).update(is_listed=False)
    first = elsewhere._next
    elsewhere.read()
    learned = time.monotonic()
    elsewhere._next = first  # as while an older transaction runs
    elsewhere.read()
    assert elsewhere.current(ProductRow(pen.asin), time.monotonic() - learned).is_listed


def test_one_read_takes_all_that_is_new(
    products: list[Product], elsewhere: Withdrawals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_READ", 2)
    Product.objects.update(in_stock=False)  # in one transaction
    elsewhere.read()
    for product in products:
        assert not elsewhere.current(ProductRow(product.asin), 100).in_stock
        assert elsewhere.current(ProductRow(product.asin), 100).is_listed


def test_what_is_forgotten_makes_older_lists_unusable_and_nothing_else(
    staff: APIClient,
    products: list[Product],
    monkeypatch: pytest.MonkeyPatch,
    lose_database: Callable[[], None],
) -> None:
    monkeypatch.setattr(module, "MAX_KNOWN", 3)
    paths = ["/products", "/recommendations/popular", "/products/D00006"]
    for path in paths:
        assert staff.get(path)["X-Data-Source"] == "live"
    Product.objects.filter(asin__lt="D00005").update(in_stock=False)
    module.withdrawals.read()
    assert len(module.withdrawals._known) == 3
    newer = staff.get("/products?limit=5").json()
    lose_database()
    answers = [staff.get(path) for path in paths]
    assert [answer["X-Data-Source"] for answer in answers] == ["default", "default", "stale"]
    assert [answers[2].json()[flag] for flag in ("listed", "in_stock")] == [True, True]
    assert staff.get("/products?limit=5").json() == newer


def test_another_database_in_its_place_is_read_from_its_beginning(pen: Product, elsewhere: Withdrawals) -> None:
    elsewhere._next = 2**62
    elsewhere.read()
    assert not elsewhere.are_known_since(100)
    Product.objects.filter(pk=pen.pk).update(is_listed=False)
    elsewhere.read()
    assert not elsewhere.current(ProductRow(pen.asin), 100).is_listed


def test_an_older_answer_of_the_database_does_not_undo_an_own_change(pen: Product, elsewhere: Withdrawals) -> None:
    Product.objects.filter(pk=pen.pk).update(in_stock=False)
    began = time.monotonic()
    elsewhere.announce(ProductRow(pen.asin, is_listed=False))
    elsewhere._note(began, [(pen.asin, module._Withdrawn(time.monotonic(), True, False, 7))])
    assert not elsewhere.current(ProductRow(pen.asin), 100).is_listed


def test_only_what_leaves_the_lists_waits_for_the_other_processes(
    staff: APIClient, pen: Product, products: list[Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SPREAD", 0.7)
    waits: list[float] = []
    monkeypatch.setattr("service.held_answers.time.sleep", waits.append)
    for fields, expected in [
        ({"title": "New"}, []),
        ({"in_stock": False}, []),
        ({"listed": False}, [0.7]),
        ({"listed": True}, [0.7]),
    ]:
        assert staff.patch(f"/products/{pen.asin}", fields, format="json").status_code == 200
        assert waits == expected
    assert staff.delete(f"/products/{products[0].asin}").status_code == 204
    assert waits == [0.7, 0.7]


def test_this_process_knows_at_once(
    staff: APIClient, pen: Product, products: list[Product], lose_database: Callable[[], None]
) -> None:
    assert len(staff.get("/products").json()) == 8
    staff.patch(f"/products/{pen.asin}", {"listed": False}, format="json")
    staff.patch(f"/products/{products[0].asin}", {"in_stock": False}, format="json")
    lose_database()
    stale = {each["asin"]: each for each in staff.get("/products").json()}
    assert pen.asin not in stale
    assert not stale[products[0].asin]["in_stock"]
    assert stale[products[1].asin]["in_stock"]


@pytest.mark.parametrize("value", ["maybe", None, 2, []])
def test_a_flag_that_is_none_is_a_400_that_names_it(staff: APIClient, pen: Product, value: object) -> None:
    response = staff.patch(f"/products/{pen.asin}", {"listed": value}, format="json")
    assert (response.status_code, [*response.json()]) == (400, ["listed"])


def test_a_form_without_the_flags_keeps_them(staff: APIClient) -> None:
    assert staff.post("/products", {"asin": "P1", "title": "Pen"}).json()["listed"]
    staff.patch("/products/P1", {"listed": False, "in_stock": False}, format="json")
    kept = staff.put("/products/P1", {"asin": "P1", "title": "Pens"}).json()
    assert (kept["title"], kept["listed"], kept["in_stock"]) == ("Pens", False, False)


def test_the_migration_can_be_undone_and_done_again(pen: Product) -> None:
    call_command("migrate", "catalog", "0006", verbosity=0)
    call_command("migrate", verbosity=0)  # the apps that depend on it too
    Product.objects.update(is_listed=False)
    assert states() == [(pen.asin, False, True)]


def test_the_admin_puts_products_on_the_lists_again(client: Client, products: list[Product]) -> None:
    client.force_login(User.objects.create_superuser("admin"))
    Product.objects.filter(asin__lt="D00003").update(is_listed=False)
    chosen = {"_selected_action": [product.pk for product in products[:5]], "action": "put_on_lists"}
    page = client.post("/admin/catalog/product/", chosen, follow=True).content.decode()
    assert "3 of 5 products were put on the lists again." in page
    assert Product.objects.filter(is_listed=True).count() == 7
