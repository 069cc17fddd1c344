"""Products for the staff. Pages stay fast with a million reviews, because none counts or lists them all."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import Count, F, FloatField, QuerySet
from django.db.models.functions import Cast, NullIf
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from catalog.admin_forms import ProductForm
from catalog.models import Product, Review, ReviewState
from catalog.repository import MAX_REVIEWS_DELETED, have_too_many_reviews
from catalog.review_admin import ReviewAdmin
from catalog.withdrawals import withdrawals
from service.admin import BoundedAdmin, BoundedPaginator

__all__ = ["ProductAdmin", "ReviewAdmin"]
LATEST_REVIEWS = 10
_LONG = ("description", "related", "sales_rank")


class FrequentValuesFilter(admin.SimpleListFilter):
    """Filters by the fifty most frequent values of a field, instead of thousands."""

    field = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        values = Product.objects.exclude(**{self.field: ""}).values_list(self.field)
        frequent = values.annotate(products=Count("pk")).order_by("-products", self.field)[:50]
        return [(value, f"{value} ({products})") for value, products in frequent]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.field: self.value()}) if self.value() else queryset


class CategoryFilter(FrequentValuesFilter):
    title = "category"
    parameter_name = "category"
    field = "leaf_category"


class BrandFilter(FrequentValuesFilter):
    title = "brand"
    parameter_name = "brand"
    field = "brand"


class ReviewsDeletedTogether:
    """Confirms the deletion of products and their reviews with the number of reviews instead of a list of them."""

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        products = list(objs)
        names, asins = [str(product) for product in products], [product.asin for product in products]
        if have_too_many_reviews(asins):
            kept = f"more than {MAX_REVIEWS_DELETED} reviews: delete them with manage_recommender.py delete_product"
            return names, {}, set(), [kept]
        reviews = Review.objects.filter(product_id__in=asins).count()
        missing = set() if request.user.has_perm("catalog.delete_review") or not reviews else {"reviews"}
        return names, {"products": len(names), "reviews": reviews}, missing, []


@admin.register(Product)
class ProductAdmin(ReviewsDeletedTogether, BoundedAdmin):
    form = ProductForm
    list_display = (
        "thumbnail",
        "asin",
        "title_and_kind",
        "price",
        "average_rating",
        "reviews",
        "available",
    )
    list_display_links = ("thumbnail", "asin")
    list_filter = ("is_listed", "in_stock", CategoryFilter, BrandFilter)
    list_per_page = 50
    search_fields = ("asin__startswith", "title__icontains")
    search_help_text = "The beginning of an asin, or a part of the title"
    show_full_result_count = False
    paginator = BoundedPaginator
    actions = ("take_off_lists", "put_on_lists")
    fields = (
        "picture",
        "asin",
        "title",
        "description",
        "im_url",
        "brand",
        "price",
        "is_listed",
        "in_stock",
        "categories",
        "related",
        "sales_rank",
        "average_rating",
        "reviews",
        "latest_reviews",
    )

    class Media:
        css = {"all": ["catalog/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        average = F("rating_total") / NullIf(Cast("review_count", FloatField()), 0.0)
        products: QuerySet[Product] = super().get_queryset(request).annotate(average=average)
        return products.defer(*_LONG)

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        shown = ("picture", "average_rating", "reviews", "latest_reviews")
        return ("asin", *shown) if obj else shown

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        if change:
            # A full save would overwrite the counters, which triggers maintain, with their values from the form.
            obj.save(update_fields=[*form.changed_data, "leaf_category"])
            if not {"is_listed", "in_stock"}.isdisjoint(form.changed_data):
                transaction.on_commit(lambda: withdrawals.announce(obj))
        else:
            obj.save()

    def delete_model(self, request: HttpRequest, obj: Product) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(lambda: withdrawals.announce_deleted(obj.asin))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        asins = list(queryset.values_list("asin", flat=True))
        super().delete_queryset(request, queryset)
        transaction.on_commit(lambda: withdrawals.announce_deleted(*asins))

    @admin.action(description="Take off the lists", permissions=["change"])
    def take_off_lists(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        self._list(request, queryset, is_listed=False, done="taken off the lists")

    @admin.action(description="Put on the lists again", permissions=["change"])
    def put_on_lists(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        self._list(request, queryset, is_listed=True, done="put on the lists again")

    def _list(self, request: HttpRequest, queryset: QuerySet[Product], *, is_listed: bool, done: str) -> None:
        changed = [product for product in queryset if product.is_listed is not is_listed]
        with transaction.atomic():
            Product.objects.filter(pk__in=[product.pk for product in changed]).update(is_listed=is_listed)
            LogEntry.objects.log_actions(request.user.pk, changed, CHANGE, done.capitalize())  # type: ignore[arg-type]
        for product in changed:
            product.is_listed = is_listed
        withdrawals.announce(*changed)
        self.message_user(request, f"{len(changed)} of {len(queryset)} products were {done}.")

    @admin.display(description="title", ordering="title")
    def title_and_kind(self, product: Product) -> str:
        kind = " · ".join(filter(None, (product.brand, product.leaf_category)))
        return format_html('{}<span class="beneath">{}</span>', product.title, kind)

    @admin.display(description="")
    def thumbnail(self, product: Product) -> str:
        return self._image(product, 40)

    @admin.display(description="picture")
    def picture(self, product: Product) -> str:
        return self._image(product, 200)

    def _image(self, product: Product, size: int) -> str:
        if not product.im_url.startswith(("http://", "https://")):
            return "–"  # noqa: RUF001
        return format_html('<img src="{}" width="{}" height="{}" loading="lazy" alt="">', product.im_url, size, size)

    @admin.display(boolean=True)
    def available(self, product: Product) -> bool:
        return product.is_listed and product.in_stock

    @admin.display(description="rating", ordering="average")
    def average_rating(self, product: Product) -> str:
        average = getattr(product, "average", None)
        return "–" if average is None else f"{average:.2f}"  # noqa: RUF001

    @admin.display(description="reviews", ordering="review_count")
    def reviews(self, product: Product) -> str:
        url = reverse("admin:catalog_review_changelist")
        return format_html('<a href="{}?product__asin__exact={}">{}</a>', url, product.asin, product.review_count)

    @admin.display(description="latest reviews")
    def latest_reviews(self, product: Product) -> str:
        reviews = Review.objects.filter(product_id=product.asin).defer("review_text")
        latest = reviews.order_by("-id")[:LATEST_REVIEWS]
        rows = [
            format_html(
                '<li><a href="{}">{} {}</a> {}{}</li>',
                reverse("admin:catalog_review_change", args=[review.pk]),
                "★" * review.overall,
                review.reviewer_name or review.reviewer_id,
                review.summary,
                "" if review.state == ReviewState.PUBLISHED else f" ({review.get_state_display()})",
            )
            for review in latest
        ]
        return format_html("<ul>{}</ul>", format_html("{}" * len(rows), *rows)) if rows else "none yet"
