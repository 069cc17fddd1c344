"""Ads and their targets, as the staff sees and changes them."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from campaigns.models import SponsoredProduct, Target
from tests.campaigns.test_admin import ADMIN, LIST, text


def test_an_ad_without_events_is_deleted_with_its_targets(staff: Client, ad: SponsoredProduct) -> None:
    Target.objects.create(ad=ad, kind=Target.Kind.KEYWORD, value="pen", bid=1)
    assert staff.post(f"{ADMIN}sponsoredproduct/{ad.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Target.objects.exists()


def with_target(ad: SponsoredProduct, *targets: tuple[str, str, str, bool]) -> dict[str, object]:
    fields: dict[str, object] = {"targets-TOTAL_FORMS": len(targets), "targets-INITIAL_FORMS": 0}
    for n, (kind, value, bid, negative) in enumerate(targets):
        fields |= {f"targets-{n}-kind": kind, f"targets-{n}-value": value, f"targets-{n}-bid": bid}
        fields |= {f"targets-{n}-negative": "on"} if negative else {}
    return fields


def test_targets_are_added_to_an_ad(staff: Client, ad: SponsoredProduct) -> None:
    url = f"{ADMIN}sponsoredproduct/{ad.pk}/change/"
    targets = with_target(ad, ("keyword", " Gel  PEN ", "50000", False), ("category", "Toys", "", True))
    assert staff.post(url, targets).status_code == 302
    assert list(Target.objects.values_list("value", "bid", "negative")) == [
        ("gel pen", 50_000, False),
        ("Toys", None, True),
    ]
    page = text(staff.get(url))
    assert "0.05" in page
    assert "PEN Gel pen" in page


@pytest.mark.parametrize(
    ("targets", "error"),
    [
        ([("keyword", "pen", "", False)], "A target needs a bid above zero, and a negative one none."),
        ([("keyword", "pen", "5", True)], "A target needs a bid above zero, and a negative one none."),
        ([("keyword", "Pen", "5", False), ("keyword", "pen ", "6", False)], "Please correct the duplicate"),
        ([("keyword", "ß" * 150, "5", False)], "at most 200 characters"),
    ],
)
def test_a_target_that_cannot_be_is_an_error_in_the_form(
    staff: Client, ad: SponsoredProduct, targets: list[tuple[str, str, str, bool]], error: str
) -> None:
    page = staff.post(f"{ADMIN}sponsoredproduct/{ad.pk}/change/", with_target(ad, *targets))
    assert page.status_code == 200
    assert error in text(page)
    assert not Target.objects.exists()


def test_an_ad_whose_product_is_gone_is_still_there(
    staff: Client, ad: SponsoredProduct, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(10):
        SponsoredProduct.objects.create(campaign_id=ad.campaign_id, product_id=f"GONE{n}")
    with django_assert_max_num_queries(8):
        assert "GONE3 (gone)" in text(staff.get(f"{ADMIN}sponsoredproduct/"))
    with django_assert_max_num_queries(16):
        assert "GONE3 in campaign" in text(staff.get(f"{LIST}{ad.campaign_id}/change/"))
    gone = SponsoredProduct.objects.get(product_id="GONE3")
    assert "GONE3 (gone)" in text(staff.get(f"{ADMIN}sponsoredproduct/{gone.pk}/change/"))
