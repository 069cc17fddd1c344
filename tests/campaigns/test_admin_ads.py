"""The admin pages of ads and targets."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from campaigns.admin.forms import TargetFormSet
from campaigns.models import SponsoredProduct, Target
from catalog.models import Product
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
    targets = with_target(ad, ("keyword", " Gel  PEN ", "0.05", False), ("category", "Toys", "", True))
    Product.objects.create(asin="TOY", categories=["Games", "Toys"])
    assert staff.post(url, targets).status_code == 302
    assert list(Target.objects.values_list("value", "bid", "negative")) == [
        ("gel pen", 50_000, False),
        ("Toys", None, True),
    ]
    page = staff.get(url)
    assert 'value="0.05"' in page.content.decode()
    assert "Bid (USD)" in text(page)
    assert "PEN Gel pen" in text(page)


@pytest.mark.parametrize(
    ("sought", "is_found"),
    [("PEN", True), ("gel", True), ("office", True), ("office gel", True), ("ink", False)],
)
def test_an_ad_is_found_by_asin_title_and_campaign(
    staff: Client, ad: SponsoredProduct, sought: str, is_found: bool
) -> None:
    page = staff.get(f"{ADMIN}sponsoredproduct/", {"q": sought}).content.decode()
    assert (f"{ADMIN}sponsoredproduct/{ad.pk}/change/" in page) == is_found


def test_saving_targets_says_how_soon_they_are_served(staff: Client, ad: SponsoredProduct, settings: Settings) -> None:
    settings.ADS_SNAPSHOT_SECONDS = 3
    url = f"{ADMIN}sponsoredproduct/{ad.pk}/change/"
    said = "Shoppers see this change within 30 seconds."
    page = text(staff.post(url, with_target(ad), follow=True))
    assert said not in page
    assert "The ad is not shown: it has no target." in page
    page = text(staff.post(url, with_target(ad, ("keyword", "pen", "0.05", False)), follow=True))
    assert said in page
    assert "The ad is not shown" not in page


@pytest.mark.parametrize(
    ("targets", "error"),
    [
        ([("keyword", "pen", "", False)], "A target needs a bid above zero. A negative target has no bid."),
        ([("keyword", "pen", "5", True)], "A target needs a bid above zero. A negative target has no bid."),
        ([("keyword", "Pen", "5", False), ("keyword", "pen ", "6", False)], "Please correct the duplicate"),
        ([("keyword", "ß" * 150, "5", False)], "at most 200 characters"),
        ([("keyword", "kettle, pot", "5", False)], "Enter one keyword, without a comma."),
        ([("keyword", "pen", "0", False)], "Enter at least 0.01 USD, the minimum price of a click."),
        ([("keyword", "pen", "0.005", False)], "no more than 2 decimal places"),
        ([("keyword", "pen", "5.01", False)], "Enter at most 5.00 USD, the campaign&#x27;s lower budget."),
        ([("product", "NONE", "0.50", False)], "No product has this asin."),
        ([("product", "NONE", "", True)], "No product has this asin."),
        ([("product", "PEN", "0.50", False)], "An ad is never shown on its own product&#x27;s page."),
        ([("category", "pens", "0.50", False)], "No product is in this category."),
    ],
)
def test_an_invalid_target_is_an_error_in_the_form(
    staff: Client, ad: SponsoredProduct, targets: list[tuple[str, str, str, bool]], error: str
) -> None:
    page = staff.post(f"{ADMIN}sponsoredproduct/{ad.pk}/change/", with_target(ad, *targets))
    assert page.status_code == 200
    assert error in text(page)
    assert not Target.objects.exists()


def test_an_ad_of_a_deleted_product_stays_in_the_lists(
    staff: Client, ad: SponsoredProduct, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(10):
        SponsoredProduct.objects.create(campaign_id=ad.campaign_id, product_id=f"GONE{n}")
    with django_assert_max_num_queries(8):
        assert "GONE3 (deleted)" in text(staff.get(f"{ADMIN}sponsoredproduct/"))
    with django_assert_max_num_queries(16):
        assert "GONE3 in Home office" in text(staff.get(f"{LIST}{ad.campaign_id}/change/"))
    gone = SponsoredProduct.objects.get(product_id="GONE3")
    assert "GONE3 (deleted)" in text(staff.get(f"{ADMIN}sponsoredproduct/{gone.pk}/change/"))


def test_a_target_added_by_another_user_meanwhile_is_reported(
    staff: Client, ad: SponsoredProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate = TargetFormSet.clean

    def added_just_after(formset: TargetFormSet) -> None:
        validate(formset)
        Target.objects.create(ad=ad, kind="keyword", value="pen", bid=20_000)

    monkeypatch.setattr(TargetFormSet, "clean", added_just_after)
    fields = with_target(ad, ("keyword", "pen", "0.10", False))
    page = staff.post(f"{ADMIN}sponsoredproduct/{ad.pk}/change/", fields, follow=True)
    assert "The data changed while you saved. Nothing was saved: try again." in text(page)


def test_a_target_may_be_a_parent_category(staff: Client, ad: SponsoredProduct) -> None:
    Product.objects.create(asin="PAD", categories=["Office", "Paper"])
    targets = with_target(ad, ("category", "Office", "0.50", False), ("category", "Paper", "0.50", False))
    assert staff.post(f"{ADMIN}sponsoredproduct/{ad.pk}/change/", targets).status_code == 302
    assert Target.objects.count() == 2


def test_a_target_of_a_deleted_product_does_not_prevent_saving(staff: Client, ad: SponsoredProduct) -> None:
    target = Target.objects.create(ad=ad, kind=Target.Kind.PRODUCT, value="GONE", bid=139_481)
    fields = with_target(ad, ("product", "GONE", "0.139481", False), ("keyword", "pen", "1", False))
    fields |= {"targets-INITIAL_FORMS": 1, "targets-0-id": target.pk, "targets-0-ad": ad.pk}
    page = staff.get(f"{ADMIN}sponsoredproduct/{ad.pk}/change/")
    assert 'value="0.139481"' in page.content.decode()
    assert staff.post(f"{ADMIN}sponsoredproduct/{ad.pk}/change/", fields).status_code == 302
    assert dict(Target.objects.values_list("value", "bid")) == {"GONE": 139_481, "pen": 1_000_000}


def test_many_targets_take_few_queries_each(
    staff: Client, ad: SponsoredProduct, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    Product.objects.bulk_create(Product(asin=f"P{n}", title="x") for n in range(30))
    targets = with_target(ad, *(("product", f"P{n}", "0.50", False) for n in range(30)))
    with django_assert_max_num_queries(11 + 4 * 30):  # checks of the constraints and an INSERT for each
        assert staff.post(f"{ADMIN}sponsoredproduct/{ad.pk}/change/", targets).status_code == 302
