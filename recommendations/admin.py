"""The admin of builds and merchandising rules, and the neighbours of a product on its page."""

from typing import Any

import orjson
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator

from catalog.admin import ProductAdmin
from catalog.models import Product, is_available
from recommendations import builds
from recommendations.models import Build, MerchandisingRule, Neighbours
from service.admin import BoundedAdmin

SHOWN = 20  # neighbours of a product


@admin.register(Build)
class BuildAdmin(BoundedAdmin):
    """Lists the builds that build_recommendations makes. One can be made the active build."""

    list_display = ("id", "is_active", "started_at", "finished_at", "products", "reviews", "neighbours", "seconds")
    actions = ["publish"]
    fields = readonly_fields = ("id", "is_active", "started_at", "finished_at", "figures", "source")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Build | None = None) -> bool:
        # Of the list, for the action; one build has nothing to edit, so its page has no button to save it.
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Build | None = None) -> bool:
        return False

    @admin.action(description="Make this build the active one", permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Build]) -> None:
        try:
            with builds.exclusive():
                chosen = list(queryset)  # under the lock, so that none is removed meanwhile
                if len(chosen) != 1 or chosen[0].finished_at is None:
                    self.message_user(request, "Select one build that is finished.", messages.ERROR)
                    return
                builds.switch_to(chosen[0])
        except builds.BuildRunning:
            self.message_user(request, "A build is running. Try again when it has finished.", messages.ERROR)
        else:
            self.message_user(request, f"{chosen[0]} is now the active one.".capitalize())

    @admin.display
    def products(self, build: Build) -> Any:
        return build.figures.get("products")

    @admin.display
    def reviews(self, build: Build) -> Any:
        return build.figures.get("reviews")

    @admin.display
    def neighbours(self, build: Build) -> Any:
        return build.figures.get("neighbours")

    @admin.display
    def seconds(self, build: Build) -> Any:
        return f"{sum(build.figures['seconds'].values()):.1f}" if build.figures else None


class RuleForm(ModelForm):  # type: ignore[type-arg]
    """Refuses a category without a list, such as a misspelt one, and a second rule for the same product and time."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        category, product = cleaned.get("category"), cleaned.get("product")
        if product:
            is_leaf = Product.objects.filter(leaf_category=category).exists()
            if category and category not in product.categories and not is_leaf:
                text = f"{product.asin} is not in this category, and no product has it as its narrowest one."
                self.add_error("category", f"{text} Check the spelling.")
            if other := self._other_rule(**cleaned):
                self.add_error(None, f"There is another rule for this product at that time: {other}.")
        return cleaned

    def _other_rule(self, **rule: Any) -> MerchandisingRule | None:
        """A rule for the same product and category whose time overlaps."""
        others = MerchandisingRule.objects.filter(product=rule["product"], category=rule.get("category", ""))
        if starts := rule.get("starts"):
            others = others.filter(Q(ends=None) | Q(ends__gt=starts))
        if ends := rule.get("ends"):
            others = others.filter(starts__lt=ends)
        return others.exclude(pk=self.instance.pk).first()


NOT_AVAILABLE = "product is not available"


class InForceFilter(admin.SimpleListFilter):
    title, parameter_name = "state", "now"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "in force"), ("away", NOT_AVAILABLE), ("later", "starts later"), ("over", "over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        over, later = Q(ends__lte=now), Q(starts__gt=now)
        available = Q(product__in=Product.objects.filter(is_available))
        states = {
            "yes": ~(over | later) & available,
            "away": ~(over | later | available),
            "later": later & ~over,
            "over": over,
        }
        chosen = states.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


@admin.register(MerchandisingRule)
class RuleAdmin(BoundedAdmin):
    """Pinned, boosted and buried products."""

    form = RuleForm
    list_display = ("product_shown", "kind", "category", "state", "starts", "ends")
    list_filter = (InForceFilter, "action")
    list_select_related = ("product",)
    autocomplete_fields = ("product",)
    search_fields = ("category__startswith", "product__asin__startswith")
    search_help_text = "The beginning of a category or an asin"

    @admin.display(description="product", ordering="product")
    def product_shown(self, rule: MerchandisingRule) -> str:
        return Truncator(str(rule.product)).chars(60)

    @admin.display(description="action", ordering="action")
    def kind(self, rule: MerchandisingRule) -> str:
        return f"pin {rule.place}" if rule.action == MerchandisingRule.Action.PIN else rule.action

    @admin.display
    def state(self, rule: MerchandisingRule) -> str:
        now = timezone.now()
        if rule.ends and rule.ends <= now:
            return "over"
        if rule.starts > now:
            return "starts later"
        if not (rule.product.is_listed and rule.product.in_stock):
            return NOT_AVAILABLE
        if rule.category and rule.category not in rule.product.categories:
            return "in force beside products of the category; the product is not in it"
        return "in force"


admin.site.unregister(Product)


@admin.register(Product)
class ProductWithNeighboursAdmin(ProductAdmin):
    fields = (*ProductAdmin.fields, "neighbours")  # type: ignore[assignment]

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), "neighbours")

    @admin.display(description="products like this")
    def neighbours(self, product: Product) -> str:
        """The first SHOWN neighbours with their scores and the share of each that comes from reviews."""
        stored = Neighbours.objects.filter(build__is_active=True, product=product.pk).first()
        if stored is None:
            return "none before the next build"
        others = orjson.loads(stored.others)
        found = list(zip(others["products"], others["scores"], others["from_reviews"], strict=True))[:SHOWN]
        titles = dict(Product.objects.filter(pk__in=[number for number, *_ in found]).values_list("pk", "title"))
        rows = [
            format_html(
                '<li><a href="{}">{}</a> {}, {} of it from reviews</li>',
                reverse("admin:catalog_product_change", args=[number]),
                titles[number] or number,
                f"{score:.3f}",
                f"{part / score:.0%}",
            )
            for number, score, part in found
            if number in titles
        ]
        return format_html("<ol>{}</ol>", format_html("{}" * len(rows), *rows)) if rows else "none"
