"""Advertisers and their campaigns."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Count, F, QuerySet
from django.db.models.functions import Greatest
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from campaigns import standing
from campaigns.admin.ads import adopt, protected_by, targets_of
from campaigns.admin.amounts import AMOUNTS
from campaigns.admin.forms import CampaignForm
from campaigns.admin.preview import PreviewPage
from campaigns.admin.report import ReportPages
from campaigns.admin.saving import SavingAdmin
from campaigns.models import Advertiser, Campaign, DailyFigures, Day, Event, SponsoredProduct, Unbilled, day_of
from campaigns.money import in_currency, in_units, rounded


@admin.register(Advertiser)
class AdvertiserAdmin(SavingAdmin):
    list_display = ("name", "campaigns")
    ordering = ("name",)
    search_fields = ("name__icontains",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Advertiser]:
        advertisers: QuerySet[Advertiser] = super().get_queryset(request).annotate(number=Count("campaigns"))
        return advertisers

    def save_model(self, request: HttpRequest, obj: Advertiser, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.has_changed():
            adopt(*obj.campaigns.values_list("pk", flat=True))

    @admin.display(ordering="number")
    def campaigns(self, advertiser: Advertiser) -> str:
        url = reverse("admin:campaigns_campaign_changelist")
        number = getattr(advertiser, "number", 0)
        return format_html('<a href="{}?advertiser__id__exact={}">{}</a>', url, advertiser.pk, number)


class AdInline(admin.TabularInline):  # type: ignore[type-arg]
    """Adds ads to a campaign. Targets are edited on the ad's own page, where the ad can be deleted too."""

    model = SponsoredProduct
    extra = 0
    can_delete = False
    show_change_link = True
    fields = ("product", "targets_shown", "impressions", "clicks")
    readonly_fields = ("targets_shown", "impressions", "clicks")
    autocomplete_fields = ("product",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # the counters belong to the product

    def get_queryset(self, request: HttpRequest) -> QuerySet[SponsoredProduct]:
        # A join would drop ads whose product is deleted.
        return standing.ads_now(
            super().get_queryset(request).select_related("campaign").prefetch_related("product", "targets")
        )

    @admin.display(description="targets")
    def targets_shown(self, ad: SponsoredProduct) -> str:
        return targets_of(ad) if ad.pk else "Save the campaign, then add targets."


class StandingFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "now"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.value, each.label.capitalize()) for each in standing.Standing]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(standing=self.value()) if self.value() else queryset


@admin.register(Campaign)
class CampaignAdmin(PreviewPage, ReportPages, SavingAdmin):
    form = CampaignForm
    change_list_template = "admin/campaigns/campaign/change_list.html"
    list_display = ("name_and_advertiser", "now", "report_link", "spent_today", "spent_in_all")
    list_filter = (StandingFilter, "pacing")
    list_per_page = 50
    list_select_related = ("advertiser",)
    search_fields = ("name__icontains", "advertiser__name__icontains")
    autocomplete_fields = ("advertiser",)
    inlines = [AdInline]
    actions = ["pause", "resume"]
    fields = (
        "advertiser",
        "name",
        ("status", "now"),
        ("starts", "ends"),
        ("daily_budget", "total_budget"),
        "pacing",
        "viewer_limit",
        "spent_in_all",
        "spent_today",
        "report_link",
    )
    fields_of_a_new_one = ("advertiser", "name", "status", *fields[3:7])
    readonly_fields = ("now", "spent_in_all", "spent_today", "report_link")
    formfield_overrides = AMOUNTS

    class Media:
        css = {"all": ["campaigns/admin.css"]}

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "advertiser__id__exact" or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        return standing.campaigns_at(super().get_queryset(request), timezone.now())

    def get_fields(self, request: HttpRequest, obj: Campaign | None = None) -> Any:
        return self.fields if obj else self.fields_of_a_new_one

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        if obj.daily_budget > obj.total_budget:
            budgets = f"{in_units(obj.daily_budget)} a day, {in_units(obj.total_budget)} in total"
            text = f"The daily budget is higher than the total budget ({budgets}). The total budget is the limit."
            self.message_user(request, text, messages.WARNING)
        if not change:
            obj.save()
            return
        if "daily_budget" in form.changed_data:
            # A click may be about to insert today's row with the old budget. If this row comes first, the click keeps
            # it; if the click comes first, the update corrects its row.
            now = timezone.now()
            today = Day(campaign=obj, day=day_of(now), budget=obj.daily_budget)
            # Events of yesterday may still wait in a spool: its budget was the old one.
            yesterday = Day(campaign=obj, day=day_of(now - timedelta(days=1)), budget=form.initial["daily_budget"])
            Day.objects.bulk_create([today, yesterday], ignore_conflicts=True)
            Day.objects.filter(campaign=obj, day=today.day).update(budget=Greatest(obj.daily_budget, F("spent")))
        # The day first, as in charging, to prevent deadlocks. Only changed fields, not to overwrite ``spent``.
        demo = ["demo"] if set(form.changed_data) - {"status"} else []
        obj.demo = obj.demo and not demo
        obj.save(update_fields=[*form.changed_data, *demo])

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.new_objects:
            adopt(form.instance.pk)
            self.message_user(request, "A new ad is not shown until it has a target.", messages.WARNING)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        chosen = list(objs)
        kept = protected_by([Event, DailyFigures, Day, Unbilled], {"campaign__in": chosen}, chosen)
        return kept or super().get_deleted_objects(chosen, request)

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self._switch(request, queryset, Campaign.Status.ACTIVE, Campaign.Status.PAUSED)

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self._switch(request, queryset, Campaign.Status.PAUSED, Campaign.Status.ACTIVE)

    def _switch(self, request: HttpRequest, chosen: QuerySet[Campaign], before: str, after: str) -> None:
        campaigns = list(chosen)
        found = [each for each in campaigns if each.status == before]
        changed = Campaign.objects.filter(pk__in=[each.pk for each in found], status=before).update(status=after)
        if found:
            LogEntry.objects.log_actions(request.user.pk or 0, found, CHANGE, f"Now {after}.")
        others = f" {len(campaigns) - changed} unchanged: not {before}." if changed < len(campaigns) else ""
        level = messages.SUCCESS if changed else messages.WARNING
        self.message_user(request, f"Now {after}: {changed}.{others}", level)

    @admin.display(description="campaign", ordering="name")
    def name_and_advertiser(self, campaign: Campaign) -> str:
        return format_html('{}<span class="beneath">{}</span>', campaign.name, campaign.advertiser.name)

    @admin.display(description="now", ordering="standing")
    def now(self, campaign: Any) -> str:
        """Its state, its dates, and why its ads are not shown."""
        dates = [f"{campaign.starts:from %Y-%m-%d %H:%M}"]
        dates += [f"{campaign.ends:to %Y-%m-%d %H:%M}"] if campaign.ends else []
        why = standing.why_not_shown(campaign)
        return format_html(
            "{}{}{}",
            format_html("<strong>{}</strong>", campaign.standing) if campaign.ads_able else campaign.standing,
            format_html_join("", '<span class="beneath nowrap">{}</span>', ([each] for each in dates)),
            format_html('<span class="beneath errornote-inline">{}</span>', why) if why else "",
        )

    @admin.display(description=in_currency("total spend"))
    def spent_in_all(self, campaign: Campaign) -> str:
        return spend_bar(campaign.spent, campaign.total_budget)

    @admin.display(description=in_currency("spend today"))
    def spent_today(self, campaign: Any) -> str:
        return spend_bar(campaign.today_spent, campaign.today_budget)

    @admin.display(description="report")
    def report_link(self, campaign: Campaign) -> str:
        return format_html('<a href="{}">report</a>', reverse("admin:campaigns_campaign_report", args=[campaign.pk]))


def spend_bar(spent: int, budget: int) -> str:
    """Return HTML of a bar without inline styles, which the content security policy forbids."""
    return format_html(
        '<span class="spend"><meter min="0" max="{0}" high="{1}" value="{2}">{4}</meter> '
        "<span>{3} of {5} ({4})</span></span>",
        max(budget, 1),
        max(budget, 1) * 9 // 10,
        spent,
        rounded(spent),
        f"{spent / budget:.0%}" if budget else "–",  # noqa: RUF001
        rounded(budget),
    )
