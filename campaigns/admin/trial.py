"""A choice that is tried out: who would be shown on a page, and why the others would not. Nothing is counted."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from campaigns import repository
from campaigns.models import MICROS, Campaign
from campaigns.money import in_currency, rounded
from campaigns.serializers import explained
from catalog.models import ASIN_PATTERN

SHOWN = 100  # candidates


class PageForm(forms.Form):
    """What is known of the page."""

    asin = forms.CharField(required=False, max_length=32, validators=[RegexValidator(rf"^{ASIN_PATTERN}\Z")])
    categories = forms.CharField(required=False, max_length=1000, help_text="With commas between them.")
    keywords = forms.CharField(required=False, max_length=1000, help_text="What was searched for, with commas.")
    limit = forms.IntegerField(min_value=1, max_value=100, initial=10, required=False)


class TrialPage(admin.ModelAdmin):  # type: ignore[type-arg]
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.trial)
        return [path("trial/", view, name="campaigns_campaign_trial"), *super().get_urls()]

    def trial(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = PageForm(request.GET or None)
        context = {
            **self.admin_site.each_context(request),
            "title": "Try out a choice",
            "opts": self.opts,
            "form": form,
            "columns": [in_currency("Bid"), "Fit", "Click rate", "Score", in_currency("Price")],
            "candidates": _candidates(form.cleaned_data) if form.is_valid() else None,
        }
        return TemplateResponse(request, "campaigns/trial.html", context)


def _candidates(page: dict[str, Any]) -> list[dict[str, Any]]:
    chosen = repository.get_sponsored(
        asin=page["asin"] or None,
        categories=_names(page["categories"]),
        keywords=_names(page["keywords"]),
        limit=page["limit"] or 10,
        viewer=None,
    )
    found = explained(chosen)[:SHOWN]
    names = Campaign.objects.in_bulk({each["campaign_id"] for each in found})
    return [
        {
            **each,
            "campaign": names.get(each["campaign_id"]),
            "price": _amount(each["price"]) if each["price"] else "",
            "bid": _amount(each["target_bid"]),
            "lowered_to": _amount(each["bid"]) if each["lowered_by"] else "",
        }
        for each in found
    ]


def _amount(units: float) -> str:
    return rounded(round(units * MICROS))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
