"""Read-only pages of the ledger."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from campaigns.models import DailyFigures, Day, Event, Unbilled
from campaigns.money import amount, in_currency, rounded
from service.admin import BoundedAdmin, BoundedPaginator


class ReadOnlyAdmin(BoundedAdmin):
    """For tables with many rows: no page counts all of them."""

    class Media:
        css = {"all": ["campaigns/admin.css"]}

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("campaign__advertiser")


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("at", "kind", "paid", "ad_id", "campaign", "placement", "target")
    list_filter = ("kind",)
    search_fields = ("decision__exact",)
    search_help_text = "An exact decision"
    fields = ("decision", "campaign", "ad", "kind", "at", "day", "position", "placement", "target", "term", "paid")
    readonly_fields = ("paid",)

    @admin.display(description=in_currency("paid"))
    def paid(self, event: Event) -> str:
        return amount(event.price)


@admin.register(DailyFigures)
class DailyFiguresAdmin(ReadOnlyAdmin):
    list_display = ("day", "impressions", "clicks", "paid", "ad_id", "campaign", "placement", "target")

    @admin.display(description=in_currency("spent"))
    def paid(self, figures: DailyFigures) -> str:
        return rounded(figures.spent)


@admin.register(Unbilled)
class UnbilledAdmin(ReadOnlyAdmin):
    list_display = ("day", "campaign", "kind", "reason", "count")
    list_filter = ("kind", "reason")
    ordering = ("-day", "-id")


@admin.register(Day)
class DayAdmin(ReadOnlyAdmin):
    list_display = ("day", "campaign", "paid", "allowed")

    @admin.display(description=in_currency("spent"))
    def paid(self, day: Day) -> str:
        return rounded(day.spent)

    @admin.display(description=in_currency("budget"))
    def allowed(self, day: Day) -> str:
        return rounded(day.budget)
