"""The ad preview: which ads a page would show now, at which price, and why the others lost. It counts nothing."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.generic import RedirectView

from campaigns import repository, snapshot
from campaigns.admin.target_values import UNKNOWN_PRODUCT, existing_products
from campaigns.keywords import RULE
from campaigns.models import MICROS, Campaign
from campaigns.money import in_currency, rounded
from campaigns.serializers import explained
from catalog import rules
from catalog.repository import get_categories

SHOWN = 100  # candidates


class PageForm(forms.Form):
    """The page that the ads are for."""

    asin = forms.CharField(required=False, max_length=rules.MAX_ASIN, validators=[rules.asin_validator()])
    categories = forms.CharField(required=False, max_length=1000, help_text="Separated by commas.")
    keywords = forms.CharField(
        label="Search terms", required=False, max_length=1000, help_text=f"Separated by commas. {RULE}"
    )
    limit = forms.IntegerField(label="Number of ads", min_value=1, max_value=100, initial=10, required=False)

    def clean_asin(self) -> str:
        asin: str = self.cleaned_data["asin"]
        if asin and not existing_products({asin}):
            raise forms.ValidationError(UNKNOWN_PRODUCT)
        return asin


class PreviewPage(admin.ModelAdmin):  # type: ignore[type-arg]
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview)
        old = RedirectView.as_view(pattern_name="admin:campaigns_campaign_preview", query_string=True)
        return [path("preview/", view, name="campaigns_campaign_preview"), path("trial/", old), *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = PageForm(request.GET or None)
        context = {
            **self.admin_site.each_context(request),
            "title": "Ad preview",
            "opts": self.opts,
            "form": form,
            "served_within": snapshot.served_within(),
            "columns": [
                in_currency("Bid"),
                "Fit",
                "Click rate",
                in_currency("Score per 1,000 impressions"),
                in_currency("Price"),
            ],
            "candidates": _candidates(form.cleaned_data) if form.is_valid() else None,
        }
        return TemplateResponse(request, "campaigns/preview.html", context)


def _candidates(page: dict[str, Any]) -> list[dict[str, Any]]:
    asin = page["asin"] or None
    own = get_categories(asin=asin) if asin else ()
    shown = repository.Page(asin, own, _names(page["categories"]), _names(page["keywords"]))
    chosen = repository.preview(shown, limit=page["limit"] or 10)
    found = explained(chosen)[:SHOWN]
    names = Campaign.objects.in_bulk({each["campaign_id"] for each in found})
    return [
        {
            **each,
            "campaign": names.get(each["campaign_id"]),
            "price": _amount(each["price"]) if each["price"] else "",
            "bid": _amount(each["target_bid"]),
            "lowered_to": _amount(each["bid"]) if each["lowered_by"] else "",
            "score": rounded(round(each["score"] * 1000)),
        }
        for each in found
    ]


def _amount(units: float) -> str:
    return rounded(round(units * MICROS))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
