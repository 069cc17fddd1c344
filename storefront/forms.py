"""The form of a review."""

from django import forms

from catalog import rules

STARS = {5: "5, excellent", 4: "4, good", 3: "3, fair", 2: "2, poor", 1: "1, bad"}


class ReviewForm(forms.Form):
    """What a customer writes about a product. The fields are those of a review."""

    overall = forms.TypedChoiceField(label="Stars", choices=[("", "Choose"), *STARS.items()], coerce=int)
    summary = forms.CharField(label="In a few words", max_length=rules.MAX_TITLE, required=False)
    review_text = forms.CharField(
        label="Your review",
        max_length=rules.MAX_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    use_required_attribute = True
