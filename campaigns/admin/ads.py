"""Ads and their targets."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from campaigns import standing
from campaigns.admin.amounts import AMOUNTS
from campaigns.admin.forms import TargetForm, TargetFormSet, TypedForm
from campaigns.admin.saving import SavingAdmin
from campaigns.admin.target_values import offered
from campaigns.models import Campaign, DailyFigures, Event, SponsoredProduct, Target
from campaigns.money import amount
from catalog.models import Product
from service.admin import BoundedPaginator

TARGETS = 4  # named per ad in a list


def with_titles(ads: QuerySet[SponsoredProduct]) -> QuerySet[SponsoredProduct]:
    """Add the product's ``title`` to each ad. A join would drop ads whose product is deleted."""
    return ads.annotate(title=Subquery(Product.objects.filter(asin=OuterRef("product_id")).values("title")[:1]))


def product_of(ad: SponsoredProduct) -> str:
    title = getattr(ad, "title", None)
    return f"{ad.product_id} {'(deleted)' if title is None else title}"


class TargetInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Target
    form = TargetForm
    formset = TargetFormSet
    extra = 1
    fields = ("kind", "value", "bid", "negative")
    formfield_overrides = AMOUNTS


@admin.register(SponsoredProduct)
class SponsoredProductAdmin(SavingAdmin):
    list_display = ("id", "product_shown", "campaign", "targets_shown", "impressions", "clicks", "click_rate")
    list_display_links = ("id", "product_shown")
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    search_fields = ("product_id__exact", "title", "campaign__name__icontains")
    search_help_text = "An exact asin, or part of the product's title or the campaign's name"
    autocomplete_fields = ("campaign", "product")
    inlines = [TargetInline]

    class Media:
        css = {"all": ["campaigns/admin.css"]}
        js = ["campaigns/targets.js"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.values)
        return [path("values/", view, name="campaigns_target_values"), *super().get_urls()]

    def values(self, request: HttpRequest) -> HttpResponse:
        """Return suggestions for the value of a target of this ``kind``, as JSON."""
        if not (self.has_change_permission(request) or self.has_add_permission(request)):
            raise PermissionDenied
        form = TypedForm(request.GET)
        if not form.is_valid():
            return JsonResponse({"errors": form.errors}, status=400)
        return JsonResponse({"values": offered(**form.cleaned_data)})

    def get_queryset(self, request: HttpRequest) -> QuerySet[SponsoredProduct]:
        ads = super().get_queryset(request).select_related("campaign__advertiser").prefetch_related("targets")
        return standing.ads_now(with_titles(ads))

    def get_fields(self, request: HttpRequest, obj: SponsoredProduct | None = None) -> tuple[str, ...]:
        return ("campaign", "product_shown", "impressions", "clicks", "click_rate") if obj else ("campaign", "product")

    def get_readonly_fields(self, request: HttpRequest, obj: SponsoredProduct | None = None) -> tuple[str, ...]:
        # The counters belong to this campaign and product, so neither can be changed.
        return self.get_fields(request, obj)[:] if obj else ()

    def save_model(self, request: HttpRequest, obj: SponsoredProduct, form: Any, change: bool) -> None:
        if not change:  # an existing ad has no editable field, and a save would overwrite its counters
            obj.save()
            adopt(obj.campaign_id)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.has_changed():
            adopt(form.instance.campaign_id)
            self.say_when_served(request)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        saved = standing.ads_now(SponsoredProduct.objects.filter(pk=form.instance.pk))
        ad = saved.first()  # None if somebody has just deleted it
        if ad and (why := standing.why_ad_not_shown(ad)):
            self.message_user(request, f"The ad is not shown: {why}.", messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: SponsoredProduct) -> None:
        super().delete_model(request, obj)
        adopt(obj.campaign_id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SponsoredProduct]) -> None:
        campaigns = set(queryset.values_list("campaign", flat=True))
        super().delete_queryset(request, queryset)
        adopt(*campaigns)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        chosen = list(objs)
        of_these = {"campaign__in": [ad.campaign_id for ad in chosen], "ad__in": chosen}
        return protected_by([Event, DailyFigures], of_these, chosen) or super().get_deleted_objects(chosen, request)

    @admin.display(description="product")
    def product_shown(self, ad: SponsoredProduct) -> str:
        return product_of(ad)

    @admin.display(description="targets")
    def targets_shown(self, ad: SponsoredProduct) -> str:
        return targets_of(ad)

    @admin.display(description="click rate")
    def click_rate(self, ad: SponsoredProduct) -> str | None:
        return f"{ad.clicks / ad.impressions:.2%}" if ad.impressions else None


def targets_of(ad: SponsoredProduct) -> str:
    """Return HTML of an ad of ``ads_now``: why it is not shown, its first targets with bids, a link to edit them."""
    targets = list(ad.targets.all())
    names = [f"{each}" + ("" if each.bid is None else f" {amount(each.bid)}") for each in targets[:TARGETS]]
    more = f", and {len(targets) - TARGETS} more" if len(targets) > TARGETS else ""
    why = standing.why_ad_not_shown(ad)
    return format_html(
        '{}{}{} <a href="{}#targets-group">{}</a>',
        format_html('<span class="errornote-inline">Not shown: {}.</span> ', why) if why else "",
        ", ".join(names),
        more,
        reverse("admin:campaigns_sponsoredproduct_change", args=[ad.pk]),
        "edit targets" if targets else "add targets",
    )


def adopt(*campaigns: int) -> None:
    """Mark campaigns as changed by a person: remove_demo keeps them."""
    Campaign.objects.filter(pk__in=campaigns, demo=True).update(demo=False)


def protected_by(
    ledgers: list[type[Model]], of_these: dict[str, Any], objs: list[Any]
) -> tuple[list[Any], dict[str, int], set[str], list[Any]] | None:
    """Return what get_deleted_objects returns for rows with billed events, without listing a million of them."""
    kept = [
        str(model._meta.verbose_name_plural) for model in ledgers if model._default_manager.filter(**of_these).exists()
    ]
    return ([str(each) for each in objs], {}, set(), kept) if kept else None
