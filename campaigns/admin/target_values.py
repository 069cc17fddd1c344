"""Products and categories as values of targets: checks whether they exist and suggests them while a user types."""

from django.db.models import Min, Q

from campaigns.keywords import keyword
from campaigns.models import Target
from catalog.models import Product

OFFERED = 20
UNKNOWN_PRODUCT = "No product has this asin."


def existing_products(asins: set[str]) -> set[str]:
    return set(Product.objects.filter(asin__in=asins).values_list("asin", flat=True))


def existing_categories(names: set[str]) -> set[str]:
    """Return those that have a product. Leaf categories have an index; parents are looked up among all names."""
    leaves = set(Product.objects.filter(leaf_category__in=names).values_list("leaf_category", flat=True).distinct())
    return leaves if leaves == names else leaves | (names & _category_names())


def _category_names() -> set[str]:
    """Return all categories, leaves and parents, from one product of each leaf category."""
    of_each_leaf = Product.objects.exclude(leaf_category="").values("leaf_category").annotate(first=Min("pk"))
    paths = Product.objects.filter(pk__in=of_each_leaf.values("first")).values_list("categories", flat=True)
    return {name for path in paths if isinstance(path, list) for name in path if isinstance(name, str)}


def offered(kind: str, text: str) -> list[dict[str, str]]:
    """Return up to OFFERED values that start with or contain ``text``, each with a label. A keyword is normalised."""
    if kind == Target.Kind.KEYWORD:
        return [{"value": keyword(text), "label": ""}]
    if kind == Target.Kind.CATEGORY:
        sought = text.casefold()
        found = [name for name in _category_names() if sought in name.casefold()]
        found.sort(key=lambda name: (not name.casefold().startswith(sought), name))
        return [{"value": name, "label": ""} for name in found[:OFFERED]]
    products = Product.objects.filter(Q(asin__startswith=text) | Q(title__icontains=text)).order_by("asin")
    return [{"value": asin, "label": title} for asin, title in products.values_list("asin", "title")[:OFFERED]]
