"""Pinned, boosted and buried products: in the lists, and in the admin."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client

from catalog.models import Product
from recommendations.candidates import Candidate
from recommendations.merchandising import NO_RULES, Rules
from recommendations.models import MerchandisingRule

pytestmark = pytest.mark.django_db(transaction=True)
RULES = "/admin/recommendations/merchandisingrule/"
POPULAR, PENS = "/recommendations/popular", "/recommendations/popular?category=Pens"
LIKE_A_PEN = "/products/PEN0/recommendations"


def rule(action: str, asin: str, category: str = "", **fields: Any) -> None:
    product = Product.objects.get(asin=asin)
    MerchandisingRule.objects.create(product=product, action=action, category=category, **fields)


def days(number: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=number)


def listed(client: Client, path: str) -> list[tuple[str, str]]:
    response = client.get(path)
    assert response["X-Data-Source"] == "live"
    return [(each["asin"], each["source"]) for each in response.json()]


def test_pinned_products_come_first_in_their_order_and_say_so(client: Client, shop: None) -> None:
    rule("pin", "CHAIR1", place=2)
    rule("pin", "CHAIR2", place=1)
    for path in (POPULAR, LIKE_A_PEN, "/reviewers/p0-0/recommendations", "/reviewers/nobody/recommendations"):
        assert listed(client, path)[:2] == [("CHAIR2", "pinned"), ("CHAIR1", "pinned")], path
    basket = client.post("/recommendations", {"asins": ["PEN0"]}, "application/json").json()
    assert [each["source"] for each in basket[:3]] == ["pinned", "pinned", "co-reviewed"]
    assert (basket[0]["score"], basket[0]["because"]) == (0, None)


def test_pins_are_the_last_rules_to_be_left_out(client: Client, shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommendations.merchandising.MAX_RULES", 2)
    for number in range(3):
        rule("boost", f"PEN{number}", place=1)
    rule("pin", "CHAIR1", place=2)
    assert listed(client, POPULAR)[0] == ("CHAIR1", "pinned")


def test_nothing_repeats_a_pinned_product(client: Client, shop: None) -> None:
    for number in range(4):  # one more than the cap of a leaf category
        Product.objects.filter(asin=f"CHAIR{number}").update(title=f"Chair of kind {number}")
        rule("pin", f"CHAIR{number}", place=number)
    Product.objects.filter(asin="PEN0").update(title="Chair of kind 3")
    found = [asin for asin, _ in listed(client, f"{POPULAR}?limit=6")]
    assert found[:4] == ["CHAIR0", "CHAIR1", "CHAIR2", "CHAIR3"]
    assert "PEN0" not in found


def test_a_rule_of_a_category_is_for_its_lists_only(client: Client, shop: None) -> None:
    rule("pin", "PEN7", "Pens")
    assert listed(client, PENS)[0] == ("PEN7", "pinned")
    assert listed(client, LIKE_A_PEN)[0] == ("PEN7", "pinned")
    assert listed(client, "/reviewers/p2-0/recommendations")[0] == ("PEN7", "pinned")  # whose latest is a pen
    for path in (POPULAR, "/products/CHAIR0/recommendations", "/recommendations/popular?category=Furniture"):
        assert "pinned" not in dict(listed(client, path)).values(), path


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/recommendations/popular?category=Furniture", "it is not in the category asked for"),
        ("/recommendations/popular?exclude=PEN1", "it is excluded"),
        ("/products/PEN1/recommendations", "it is the product itself"),
        ("/reviewers/p0-0/recommendations", "the reviewer has seen it"),
    ],
)
def test_a_pin_obeys_the_request(path: str, why: str, client: Client, shop: None) -> None:
    rule("pin", "PEN1")
    assert "PEN1" not in dict(listed(client, path)), why


@pytest.mark.parametrize("field", ["is_listed", "in_stock"])
def test_a_pinned_product_that_is_hidden_stays_hidden(field: str, client: Client, shop: None) -> None:
    rule("pin", "CHAIR1")
    Product.objects.filter(asin="CHAIR1").update(**{field: False})
    assert "CHAIR1" not in dict(listed(client, POPULAR))


@pytest.mark.parametrize(
    ("starts", "ends", "is_in_force"),
    [(-2, None, True), (-2, 2, True), (-2, -1, False), (1, None, False), (1, 2, False)],
)
def test_a_rule_holds_between_its_dates(
    starts: int, ends: int | None, is_in_force: bool, client: Client, shop: None
) -> None:
    rule("pin", "CHAIR1", starts=days(starts), ends=None if ends is None else days(ends))
    assert (listed(client, POPULAR)[0] == ("CHAIR1", "pinned")) is is_in_force


def test_a_buried_product_comes_only_where_there_is_nothing_else(client: Client, shop: None) -> None:
    assert listed(client, POPULAR)[0] == ("CHAIR7", "popular")
    rule("bury", "CHAIR7")
    assert "CHAIR7" not in dict(listed(client, POPULAR))
    assert listed(client, f"{POPULAR}?limit=31")[-1] == ("CHAIR7", "popular")


def test_a_boosted_product_counts_double(client: Client, shop: None) -> None:
    assert listed(client, LIKE_A_PEN)[0] == ("PEN1", "co-reviewed")
    (second,) = listed(client, LIKE_A_PEN)[1:2]
    candidates = [Candidate(number, score, "popular") for number, score in ((1, 5.0), (2, 3.0), (3, 2.0), (4, 2.0))]
    ordered = Rules(boosted=frozenset({3, 2})).ordered(candidates)
    assert [each.product for each in ordered] == [2, 1, 3, 4]
    assert NO_RULES.ordered(candidates) is candidates
    rule("boost", "CHAIR9", "Furniture")  # has no review, as most chairs
    by_rating = listed(client, "/recommendations/popular?category=Furniture")
    assert [asin for asin, _ in by_rating[:2]] == ["CHAIR7", "CHAIR9"]
    assert listed(client, LIKE_A_PEN)[1] == second


def test_a_rule_outlives_no_product_in_a_list(client: Client, shop: None) -> None:
    rule("pin", "CHAIR1")
    Product.objects.filter(asin="CHAIR1")._raw_delete("default")  # as the ad provider does
    assert "pinned" not in dict(listed(client, POPULAR)).values()


@pytest.fixture
def staff(client: Client) -> Client:
    user = User.objects.create_user("boss", is_staff=True)
    names = [f"{action}_merchandisingrule" for action in ("add", "change", "delete", "view")]
    user.user_permissions.set(Permission.objects.filter(codename__in=[*names, "view_product"]))
    client.force_login(user)
    return client


def form(**fields: Any) -> dict[str, Any]:
    product = Product.objects.get(asin="PEN1").pk
    given = {"product": product, "action": "pin", "category": "", "place": 1, "ends_0": "", "ends_1": ""}
    return given | {"starts_0": "2026-01-01", "starts_1": "00:00:00"} | fields


@pytest.mark.parametrize("category", ["", "Pens", "Office", "Furniture"])
def test_staff_make_a_rule(category: str, staff: Client, shop: None) -> None:
    assert staff.post(f"{RULES}add/", form(category=category)).status_code == 302
    page = staff.get(f"{RULES}?now=yes").content.decode()
    assert "PEN1 Fountain pen 1" in page
    assert "PEN1 Fountain pen 1" not in staff.get(f"{RULES}?now=over").content.decode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"category": "Penns"},
            "PEN1 is not in this category, and no product has it as its narrowest one. Check the spelling.",
        ),
        ({"ends_0": "2025-01-01", "ends_1": "00:00:00"}, "It must end after it starts."),
        ({"place": -1}, "greater than or equal to 0"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(fields: dict[str, Any], message: str, staff: Client, shop: None) -> None:
    assert message in staff.post(f"{RULES}add/", form(**fields)).content.decode()
    assert not MerchandisingRule.objects.exists()


@pytest.mark.parametrize(
    ("fields", "is_refused"),
    [
        ({"action": "bury"}, True),
        ({"starts_0": "2025-01-01", "ends_0": "2025-06-01", "ends_1": "00:00:00"}, False),
        ({"starts_0": "2025-01-01", "ends_0": "2026-06-01", "ends_1": "00:00:00"}, True),
        ({"category": "Pens"}, False),
    ],
)
def test_a_product_has_one_rule_at_a_time_in_a_category(
    fields: dict[str, Any], is_refused: bool, staff: Client, shop: None
) -> None:
    rule("pin", "PEN1", starts=datetime(2026, 1, 1, tzinfo=UTC))
    page = staff.post(f"{RULES}add/", form(**fields)).content.decode()
    assert ("There is another rule for this product at that time: pin" in page) == is_refused
    assert MerchandisingRule.objects.count() == (1 if is_refused else 2)
    own = MerchandisingRule.objects.get(action="pin", category="", ends=None)
    assert staff.post(f"{RULES}{own.pk}/change/", form(place=3)).status_code == 302


def test_the_list_says_what_is_in_force(staff: Client, shop: None) -> None:
    rule("pin", "PEN1")
    rule("pin", "PEN2", starts=days(1))
    rule("pin", "PEN3", starts=days(-2), ends=days(-1))
    rule("pin", "PEN4")
    Product.objects.filter(asin="PEN4").update(is_listed=False)
    rule("pin", "PEN5", "Furniture")
    page = staff.get(RULES).content.decode()
    elsewhere = "in force beside products of the category; the product is not in it"
    for state in ("in force", "starts later", "over", "product is not available", elsewhere):
        assert page.count(f'<td class="field-state">{state}</td>') == 1
    assert page.count('<td class="field-kind">pin 1</td>') == 5
    pages = (staff.get(f"{RULES}?now={now}").content.decode() for now in ("yes", "away", "later", "over"))
    assert [each.count('class="field-state"') for each in pages] == [2, 1, 1, 1]


def test_a_product_of_the_demo_with_a_rule_is_kept() -> None:
    sizes = ("--products=3", "--reviewers=2")
    call_command("seed_demo", *sizes, verbosity=0, stdout=io.StringIO())
    product = Product.objects.first()
    assert product
    MerchandisingRule.objects.create(product=product, action="pin")
    said = io.StringIO()
    call_command("remove_demo", *sizes, stdout=said)
    assert "1 that have rules of the staff" in said.getvalue()
    assert Product.objects.get() == product
