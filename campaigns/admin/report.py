"""A campaign's report by day, placement, target and search term, as a page and as CSV."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from campaigns import chart, reports
from campaigns.admin import report_csv
from campaigns.keywords import MAX_TERM
from campaigns.models import MAX_TARGET, Campaign, Kind, Reason
from campaigns.money import in_currency, rounded
from campaigns.reports import DIMENSIONS, Cut, Totals
from catalog.rules import MAX_PLACEMENT

SHOWN = 20  # values of a dimension; all others are one sum
NONE = "–"  # noqa: RUF001
UNNAMED = {"placement": "(none given)", "target": "(unknown)", "term": "(no search)"}  # where an event has none


class CutForm(forms.Form):
    """Filters of the report. An empty field does not filter."""

    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    placement = forms.CharField(required=False, max_length=MAX_PLACEMENT)
    target = forms.CharField(required=False, max_length=MAX_TARGET)
    term = forms.CharField(label="Search term", required=False, max_length=MAX_TERM)
    by = forms.ChoiceField(required=False, choices=[(each, each) for each in DIMENSIONS], widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            raise forms.ValidationError("From must not be after To.")
        return self.cleaned_data

    def problems(self) -> list[str]:
        """Return the errors, each with the label of its field."""
        labels = {name: f"{self[name].label}: " for name in self.fields} | {NON_FIELD_ERRORS: ""}
        return [f"{labels[name]}{' '.join(map(str, said))}" for name, said in self.errors.items()]

    def chosen(self) -> dict[str, Any]:
        """Return the filters in use; none if the form is not valid."""
        named = self.cleaned_data if self.is_valid() else {}
        return {name: value for name, value in named.items() if value and name != "by"}


class ReportPages(admin.ModelAdmin):  # type: ignore[type-arg]
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:number>/report/", wrap(self.report), name="campaigns_campaign_report"),
            path("<int:number>/report.csv", wrap(self.report_csv), name="campaigns_campaign_report_csv"),
            *super().get_urls(),
        ]

    def report(self, request: HttpRequest, number: int) -> HttpResponse:
        campaign = self._found(request, number)
        form = CutForm(request.GET)
        chosen = form.chosen()
        days = _days(number, Cut(**chosen)) if form.is_valid() else {}
        total = reports.total(days.values())
        columns = ["Impressions", "Clicks", "Click rate", in_currency("Spend"), in_currency("Average price")]
        context = {
            **self.admin_site.each_context(request),
            "title": f"Report of {campaign}",
            "opts": self.opts,
            "campaign": campaign,
            "form": form,
            "chosen": chosen,
            "query": urlencode(chosen),
            "columns": columns,
            "tables": _tables(days, total, columns) if days else [],
            "panels": chart.panels(days),
            "breakdowns": [_breakdown(name, number, form, total) for name in DIMENSIONS] if days else [],
        }
        return TemplateResponse(request, "campaigns/report.html", context)

    def report_csv(self, request: HttpRequest, number: int) -> HttpResponse:
        """One line for each day with events, or for each value of ``by``."""
        campaign = self._found(request, number)
        form = CutForm(request.GET)
        if not form.is_valid():
            errors = "".join(f"{each}\n" for each in form.problems())
            return HttpResponseBadRequest(errors, content_type="text/plain; charset=utf-8")
        cut, by = Cut(**form.chosen()), form.cleaned_data["by"]
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        name = f"campaign-{campaign.pk}-by-{by}" if by else f"campaign-{campaign.pk}"
        response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        if by:
            values = reports.by_dimension(by, number, cut, report_csv.MAX_LINES)
            rest = _rest(reports.total(_days(number, cut).values()), values)
            report_csv.write_values(response, campaign, by, values | ({"(all others)": rest} if rest else {}))
        else:
            report_csv.write_days(response, campaign, _days(number, cut))
        return response

    def _found(self, request: HttpRequest, number: int) -> Campaign:
        campaign = Campaign.objects.select_related("advertiser").filter(pk=number).first()
        if not self.has_view_permission(request, campaign):
            raise PermissionDenied
        if campaign is None:
            raise Http404
        return campaign


def _days(campaign: int, cut: Cut) -> dict[date, Totals]:
    return {day: figures for (_, day), figures in reports.by_day([campaign], cut).items()}


def _tables(days: dict[date, Totals], total: Totals, columns: list[str]) -> list[dict[str, Any]]:
    """Return the tables by day: the figures, and the unbilled events of each kind.

    One table with the figures and all reasons would be wider than a window.
    """

    def table(title: str, columns: list[str], cells: Callable[[Totals], list[str]]) -> dict[str, Any]:
        rows = [(f"{day}", cells(figures)) for day, figures in reversed(days.items())]
        return {"title": title, "columns": columns, "rows": rows, "total": cells(total)}

    tables = [table("", columns, _cells)]
    for kind in Kind:
        if reasons := [each for each in Reason if total.unbilled[kind, each]]:
            labels, cells = [each.label for each in reasons], partial(_unbilled, kind, reasons)
            tables.append(table(f"Unbilled {kind}s", labels, cells))
    return tables


def _breakdown(name: str, campaign: int, form: CutForm, total: Totals) -> dict[str, Any]:
    """Return a table of a dimension: each value with its figures and the query that filters by it, then all others."""
    chosen = form.chosen()
    values = reports.by_dimension(name, campaign, Cut(**chosen), SHOWN)
    rest = _rest(total, values)
    return {
        "title": form.fields[name].label or name.capitalize(),
        "query": urlencode(chosen | {"by": name}),
        "rows": [
            (
                value or UNNAMED[name],
                urlencode(chosen | {name: value}) if value and name not in chosen else "",
                _cells(figures),
            )
            for value, figures in values.items()
        ],
        "rest_title": "All others, rare terms among them" if name == "term" else "All others",
        "rest": _cells(rest) if rest else None,
    }


def _rest(total: Totals, values: Mapping[str, Totals]) -> Totals | None:
    """Return the difference between ``total`` and the sum of ``values``, None if there is none."""
    known = reports.total(values.values())
    rest = Totals(total.impressions - known.impressions, total.clicks - known.clicks, total.spent - known.spent)
    return rest if rest.impressions > 0 or rest.clicks > 0 else None


def _cells(figures: Totals) -> list[str]:
    return [
        f"{figures.impressions:,}",
        f"{figures.clicks:,}",
        NONE if figures.click_rate is None else f"{figures.click_rate:.2%}",
        rounded(figures.spent),
        NONE if figures.average_price is None else rounded(figures.average_price),
    ]


def _unbilled(kind: Kind, reasons: list[Reason], figures: Totals) -> list[str]:
    return [f"{figures.unbilled[kind, each]:,}" for each in reasons]
