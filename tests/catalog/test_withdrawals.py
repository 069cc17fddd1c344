"""Withdrawals: who writes them, and what becomes of answers that were kept before."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
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


def test_a_deletion_is_a_withdrawal_and_other_changes_are_none(pen: Product, products: list[Product]) -> None:
    Product.objects.filter(pk=pen.pk).update(title="New", in_stock=True)
    Product.objects.create(asin="P1", is_listed=False)
    Product.objects.filter(asin="P1").update(is_listed=True)
    assert states() == []
    Product.objects.filter(pk=pen.pk).update(in_stock=False)
    Product.objects.filter(pk=pen.pk).update(is_listed=False)
    assert states() == [(pen.asin, False, False)]
    products[0].delete()
    assert (products[0].asin, False, False) in states()


def test_only_answers_from_before_a_withdrawal_change(pen: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OVERLAP", 5.0)
    row, others = ProductRow(pen.asin), ProductRow("P2")
    elsewhere = Withdrawals()
    Product.objects.filter(pk=pen.pk).update(in_stock=False)
    elsewhere.read()
    before, after = 100.0, -100.0  # ages in seconds
    assert elsewhere.current(row, before) == row._replace(in_stock=False)
    assert elsewhere.current(others, before) == others
    assert elsewhere.current(row, after) == row
    assert not elsewhere.current(row._replace(is_listed=False), before).is_listed


def test_each_withdrawal_is_read_once_it_is_committed(pen: Product) -> None:
    known = Withdrawals()
    known.read()
    Product.objects.filter(pk=pen.pk).update(is_listed=False)
    Withdrawal.objects.update(at=time.time() - 30)  # committed half a minute after it was made
    known.read()
    assert not known.current(ProductRow(pen.asin), 100).is_listed


def test_old_withdrawals_are_not_read(pen: Product) -> None:
    Product.objects.filter(pk=pen.pk).update(is_listed=False)
    Withdrawal.objects.update(at=time.time() - 3600)
    known = Withdrawals()
    known.read()
    assert known.current(ProductRow(pen.asin), 7200).is_listed


def test_after_very_many_withdrawals_nothing_that_was_kept_is_trusted(
    products: list[Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_READ", 3)
    known = Withdrawals()
    Product.objects.filter(asin__lt="D00004").update(in_stock=False)
    known.read()
    assert not known.current(ProductRow("D00006"), 1).is_available
    assert known.current(ProductRow("D00006"), -1).is_available


def test_only_taking_off_the_lists_waits_for_the_other_processes(
    staff: APIClient, pen: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SPREAD", 0.7)
    waits: list[float] = []
    monkeypatch.setattr("catalog.withdrawals.time.sleep", waits.append)
    for fields, expected in [
        ({"title": "New"}, []),
        ({"in_stock": False}, []),
        ({"listed": False}, [0.7]),
        ({"listed": True}, [0.7]),
    ]:
        assert staff.patch(f"/products/{pen.asin}", fields, format="json").status_code == 200
        assert waits == expected


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
