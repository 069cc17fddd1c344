"""Reviews for the staff: to moderate, to answer and to delete. Only reviewers write them."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from catalog.models import Product, Review, ReviewState
from catalog.withdrawals import withdrawals
from service.admin import BoundedAdmin, BoundedPaginator

EDITABLE = ("state", "reply")


@admin.register(Review)
class ReviewAdmin(BoundedAdmin):
    """The list of reviews, which actions publish and reject, and a page of one review with the shop's reply."""

    list_display = ("id", "stars", "product_link", "reviewer_id", "summary", "day", "state")
    list_filter = ("state", "overall", "verified")
    list_per_page = 50
    ordering = ("-id",)
    search_fields = ("reviewer_id__exact", "product_id__exact")
    search_help_text = "A whole reviewer id or asin"
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    actions = ("publish", "reject")
    fields = (
        "product_link",
        "reviewer_id",
        "reviewer_name",
        "stars",
        "summary",
        "review_text",
        "time",
        "helpful_votes",
        "total_votes",
        "verified",
        *EDITABLE,
    )
    readonly_fields = tuple(name for name in fields if name not in EDITABLE)

    class Media:
        css = {"all": ["catalog/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        # Of the product only what the link in the list needs.
        others = {field.name for field in Product._meta.concrete_fields} - {"id", "asin"}
        reviews: QuerySet[Review] = super().get_queryset(request).select_related("product")
        return reviews.defer("review_text", *(f"product__{name}" for name in others))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "product__asin__exact" or super().lookup_allowed(lookup, value, request)

    def save_model(self, request: HttpRequest, obj: Review, form: Any, change: bool) -> None:
        _lock_products([obj.pk])
        obj.save(update_fields=form.changed_data)
        if "state" in form.changed_data:
            transaction.on_commit(lambda: _announce([obj.pk], obj.state))

    def delete_model(self, request: HttpRequest, obj: Review) -> None:
        number = obj.pk  # which the deletion takes away
        _lock_products([number])
        super().delete_model(request, obj)
        transaction.on_commit(lambda: withdrawals.announce_reviews(number, are_published=False))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        numbers = list(queryset.values_list("pk", flat=True))
        with transaction.atomic():
            _lock_products(numbers)
            super().delete_queryset(request, queryset)
        transaction.on_commit(lambda: withdrawals.announce_reviews(*numbers, are_published=False))

    @admin.action(description="Publish", permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        self._decide(request, queryset, ReviewState.PUBLISHED)

    @admin.action(description="Reject", permissions=["change"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        self._decide(request, queryset, ReviewState.REJECTED)

    def _decide(self, request: HttpRequest, queryset: QuerySet[Review], state: ReviewState) -> None:
        chosen = list(queryset)
        numbers = [review.pk for review in chosen]
        with transaction.atomic():
            _lock_products(numbers)
            # Ordered, so that two of the staff who choose the same reviews do not wait for each other.
            others = Review.objects.filter(pk__in=numbers).exclude(state=state).order_by("pk").select_for_update()
            changed = list(others.defer("review_text"))
            Review.objects.filter(pk__in=[review.pk for review in changed]).update(state=state)
            LogEntry.objects.log_actions(request.user.pk, changed, CHANGE, state.label)  # type: ignore[arg-type]
        _announce([review.pk for review in changed], state)
        self.message_user(request, f"{len(changed)} of {len(chosen)} reviews were {state.label.lower()}.")

    @admin.display(description="rating", ordering="overall")
    def stars(self, review: Review) -> str:
        return "★" * review.overall

    @admin.display(description="product", ordering="product_id")
    def product_link(self, review: Review) -> str:
        url = reverse("admin:catalog_product_change", args=[review.product.pk])
        return format_html('<a href="{}">{}</a>', url, review.product_id)

    @admin.display
    def day(self, review: Review) -> str:
        return f"{datetime.fromtimestamp(review.unix_review_time, UTC):%Y-%m-%d}"

    @admin.display
    def time(self, review: Review) -> str:
        return f"{datetime.fromtimestamp(review.unix_review_time, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _lock_products(numbers: list[int]) -> None:
    """Lock the products of these reviews, as every write does before it locks reviews: the triggers write to them."""
    asins = Review.objects.filter(pk__in=numbers).values("product_id")
    list(Product.objects.select_for_update(no_key=True).filter(asin__in=asins).order_by("pk").values_list("pk"))


def _announce(numbers: list[int], state: str) -> None:
    withdrawals.announce_reviews(*numbers, are_published=state == ReviewState.PUBLISHED)
