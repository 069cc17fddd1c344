"""Validation of campaigns and targets."""

from typing import Any

from django import forms
from django.db.models import Max
from django.urls import reverse

from campaigns.admin.amounts import AmountsForm
from campaigns.admin.target_values import UNKNOWN_PRODUCT, existing_categories, existing_products
from campaigns.keywords import keyword
from campaigns.models import MAX_VALUE, Campaign, Target
from campaigns.money import floor, in_units
from catalog.rules import MAX_NAME


class CampaignForm(AmountsForm):
    class Meta:
        model = Campaign
        exclude = ("spent",)
        help_texts = {"starts": "UTC.", "ends": "UTC. From this moment on its ads are not shown."}
        error_messages = {
            name: {"invalid_date": "Enter a date too.", "invalid_time": "Enter a time too, such as 00:00."}
            for name in ("starts", "ends")
        }

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        starts, ends = cleaned.get("starts"), cleaned.get("ends")
        if starts and ends and ends <= starts:
            self.add_error("ends", "The end must be after the start.")
        bids = Target.objects.filter(ad__campaign=self.instance) if self.instance.pk else Target.objects.none()
        highest = bids.aggregate(highest=Max("bid"))["highest"] or 0
        for name in ("daily_budget", "total_budget"):
            budget = cleaned.get(name)
            if budget is None:
                continue
            if budget < floor():
                self.add_error(name, f"Enter at least {in_units(floor())}, the minimum price of a click.")
            elif budget < highest:
                self.add_error(name, f"Enter at least {in_units(highest)}, the highest bid of the campaign's ads.")
        # More may be spent before the form is saved; then the constraint of the database fails.
        if self.instance.pk and cleaned.get("total_budget", self.instance.spent) < self.instance.spent:
            self.add_error("total_budget", f"Enter at least {in_units(self.instance.spent)}, the amount spent.")
        return cleaned


class TargetForm(AmountsForm):
    class Meta:
        model = Target
        fields = ("kind", "value", "bid", "negative")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "value" in self.fields:  # the form is not read-only
            self.fields["value"].widget.attrs["data-offered"] = reverse("admin:campaigns_target_values")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") == Target.Kind.KEYWORD and "value" in cleaned:
            # save() does this too, but the check for duplicates needs it now.
            cleaned["value"] = keyword(cleaned["value"])
            if len(cleaned["value"]) > MAX_NAME:
                self.add_error("value", f"Enter at most {MAX_NAME} characters for a keyword.")
            elif "," in cleaned["value"]:  # separates search terms, so no term has one
                self.add_error("value", "Enter one keyword, without a comma. Add a target for each other keyword.")
        bid = cleaned.get("bid")
        if bid is not None and bid < floor():
            self.add_error("bid", f"Enter at least {in_units(floor())}, the minimum price of a click.")
        return cleaned


class TypedForm(forms.Form):
    """A target that a user is typing."""

    kind = forms.ChoiceField(choices=Target.Kind.choices)
    text = forms.CharField(max_length=MAX_VALUE)


class TargetFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    """The targets of one ad. Unchanged targets are not checked: their product may have been deleted."""

    def clean(self) -> None:
        super().clean()
        changed = [form for form in self.forms if form.has_changed() and not form.cleaned_data.get("DELETE")]
        campaign = Campaign.objects.filter(pk=self.instance.campaign_id).first() if self.instance.campaign_id else None
        most = min(campaign.daily_budget, campaign.total_budget) if campaign else None
        for kind, find, error in (
            (Target.Kind.PRODUCT, existing_products, UNKNOWN_PRODUCT),
            (Target.Kind.CATEGORY, existing_categories, "No product is in this category. Check the spelling."),
        ):
            of_kind = [form for form in changed if form.cleaned_data.get("kind") == kind]
            values = {form.cleaned_data["value"] for form in of_kind if "value" in form.cleaned_data}
            missing = values - find(values) if values else set()
            for form in of_kind:
                if form.cleaned_data.get("value") in missing:
                    form.add_error("value", error)
        for form in changed:
            target = form.cleaned_data
            if target.get("kind") == Target.Kind.PRODUCT and target.get("value") == self.instance.product_id:
                form.add_error("value", "An ad is never shown on its own product's page.")
            bid = form.cleaned_data.get("bid")
            if most is not None and bid is not None and bid > most:
                form.add_error("bid", f"Enter at most {in_units(most)}, the campaign's lower budget.")
