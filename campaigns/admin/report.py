"""A campaign's report, by day: as a page and as CSV."""

import csv
from collections.abc import Iterator
from datetime import date

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from campaigns import chart, reports
from campaigns.models import Campaign, Reason
from campaigns.money import amount

CSV_COLUMNS = (
    "advertiser",
    "campaign",
    "day",
    "impressions",
    "clicks",
    "click_rate",
    "spent_micros",
    "spent",
    "average_price_micros",
    *(f"unbilled_{reason.value}" for reason in Reason),
)


class ReportPages(admin.ModelAdmin):  # type: ignore[type-arg]
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:number>/report/", wrap(self.report), name="campaigns_campaign_report"),
            path("<int:number>/report.csv", wrap(self.report_csv), name="campaigns_campaign_report_csv"),
            *super().get_urls(),
        ]

    def report(self, request: HttpRequest, number: int) -> HttpResponse:
        campaign, days = self._found(request, number)
        total = reports.total(days.values())
        reasons = [reason for reason in Reason if total.unbilled[reason]]
        context = {
            **self.admin_site.each_context(request),
            "title": f"Report of {campaign}",
            "opts": self.opts,
            "campaign": campaign,
            "reasons": [reason.label for reason in reasons],
            "rows": [(f"{day}", _cells(figures, reasons)) for day, figures in reversed(days.items())],
            "total": _cells(total, reasons),
            "panels": chart.panels(days),
        }
        return TemplateResponse(request, "campaigns/report.html", context)

    def report_csv(self, request: HttpRequest, number: int) -> HttpResponse:
        """A line for each day with anything: as many as a campaign has days, and so not streamed."""
        campaign, days = self._found(request, number)
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="campaign-{campaign.pk}.csv"'
        writer = csv.writer(response)
        writer.writerow(CSV_COLUMNS)
        writer.writerows(_lines(campaign, days))
        return response

    def _found(self, request: HttpRequest, number: int) -> tuple[Campaign, dict[date, reports.Figures]]:
        campaign = Campaign.objects.select_related("advertiser").filter(pk=number).first()
        if not self.has_view_permission(request, campaign):
            raise PermissionDenied
        if campaign is None:
            raise Http404
        return campaign, {day: figures for (_, day), figures in reports.by_day([number]).items()}


def _cells(figures: reports.Figures, reasons: list[Reason]) -> list[str]:
    return [
        f"{figures.impressions:,}",
        f"{figures.clicks:,}",
        "–" if figures.click_rate is None else f"{figures.click_rate:.2%}",  # noqa: RUF001
        amount(figures.spent),
        "–" if figures.average_price is None else amount(figures.average_price),  # noqa: RUF001
        *(f"{figures.unbilled[reason]:,}" for reason in reasons),
    ]


def _lines(campaign: Campaign, days: dict[date, reports.Figures]) -> Iterator[list[object]]:
    names = [as_text(campaign.advertiser.name), as_text(campaign.name)]
    for day, figures in days.items():
        yield [
            *names,
            day,
            figures.impressions,
            figures.clicks,
            "" if figures.click_rate is None else f"{figures.click_rate:.6f}",
            figures.spent,
            amount(figures.spent),
            "" if figures.average_price is None else figures.average_price,
            *(figures.unbilled[reason] for reason in Reason),
        ]


def as_text(name: str) -> str:
    """So that no spreadsheet takes it for a formula: https://owasp.org/www-community/attacks/CSV_Injection"""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name
