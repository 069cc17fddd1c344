"""The search page's parameters, and the ways to narrow a search down."""

from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.http import QueryDict
from django.urls import reverse

from catalog.parameters import ProductParameters
from catalog.search.facets import BANDS, Facets
from catalog.search.query import Search
from storefront.pages import validated_by

PAGE = 24  # products
PARAMETERS = ("q", "category", "brand", "min_price", "max_price", "min_rating", "in_stock", "sort", "after")
SORTS = {
    "relevance": "Best match",
    "rating": "Best rated",
    "popular": "Most reviewed",
    "price": "Lowest price",
    "-price": "Highest price",
    "newest": "Newest",
}
_CHOSEN = {
    "category": "{}",
    "brand": "{}",
    "min_price": "from {}",
    "max_price": "up to {}",
    "min_rating": "{} stars and more",
    "in_stock": "in stock",
}
_SHOWN_FACETS = 12


class Asked(NamedTuple):
    """What a visitor asked for: the ``given`` parameters as text, those of the repository, and what is wrong."""

    given: dict[str, str]
    parameters: dict[str, Any]
    errors: dict[str, str]

    @property
    def search(self) -> Search:
        search: Search = self.parameters["search"]
        return search

    @property
    def chosen(self) -> dict[str, str]:
        """What narrows the search down, in words, with the address of the search without it."""
        return {
            text.format(self.given[name]): self.address(**{name: ""})
            for name, text in _CHOSEN.items()
            if name in self.given
        }

    @property
    def corrected(self) -> str:
        """The address of the search without what is wrong."""
        return self.address(**dict.fromkeys(self.errors, ""))

    def address(self, **changes: object) -> str:
        """The address of the search with these parameters changed, from its first page on."""
        asked = {**self.given, "after": "", **changes}
        query = urlencode({name: value for name, value in asked.items() if value != ""})
        return f"{reverse('storefront:search')}{'?' * bool(query)}{query}"


def asked(query: QueryDict) -> Asked:
    """What the query string asks for. An empty field of a form asks for nothing, and other sites add parameters."""
    given = {name: value for name in PARAMETERS if (value := query.get(name, "").strip())}
    sort = "relevance" if "q" in given else "popular"
    return Asked(given, *validated_by(ProductParameters, {"sort": sort, **given, "limit": PAGE}))


def sorts(asked: Asked) -> dict[str, str]:
    """The orders to choose from. Without words nothing matches better than the rest."""
    return {name: text for name, text in SORTS.items() if name != "relevance" or "q" in asked.given}


class Choice(NamedTuple):
    """A way to narrow a search: its name, the number of products if it is known, and its address."""

    name: str
    products: int | None
    address: str


def choices(asked: Asked, facets: Facets) -> dict[str, list[Choice]]:
    """The choices by heading."""

    def choice(name: str, count: int, **sets: object) -> Choice:
        return Choice(name, count if facets.is_complete else None, asked.address(**sets))

    upper = dict(pairwise(BANDS))
    return {
        "Category": [choice(name, count, category=name) for name, count in facets.categories[:_SHOWN_FACETS]],
        "Brand": [choice(name, count, brand=name) for name, count in facets.brands[:_SHOWN_FACETS]],
        f"Price ({settings.CURRENCY})": [
            choice(
                f"{low} to {upper[low]}" if low in upper else f"{low} and more",
                count,
                min_price=low,
                max_price=f"{upper[low] - 1}.99" if low in upper else "",
            )
            for low, count in facets.prices
        ],
        "Stars": [choice(f"{stars} and more", count, min_rating=stars) for stars, count in facets.ratings if count],
    }
