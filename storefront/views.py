"""Home, search and suggestions. Each part of a page answers for itself, so a page is never an error."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog.orders import as_text
from catalog.search import repository as products
from catalog.search.query import ALL, Search
from catalog.search.words import words_of
from storefront import lists
from storefront.ads import begin_ads
from storefront.cookies import keep_viewer, seen_by, viewer_of
from storefront.pages import page
from storefront.parts import read
from storefront.search import asked, choices, sorts
from storefront.visitor import visitor_of

SUGGESTIONS = 6


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What is popular, categories, products seen, and what the visitor may like."""
    viewer = viewer_of(request)
    ads = begin_ads("home", viewer=viewer)
    visitor, seen = visitor_of(request), seen_by(request)
    recommended = lists.recommended_to(visitor.name) if visitor.name else lists.going_with(seen) if seen else None
    context = {
        "popular": lists.popular(limit=2 * lists.SHELF),
        "facets": read(products.get_facets, search=ALL),
        "seen": lists.by_asins(seen[: lists.SHELF]) if seen else None,
        "recommended": recommended,
        "ads": ads(),
    }
    response = page(request, "home", context, visitor)
    keep_viewer(request, response, viewer)
    return response


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Products that match, with ways to narrow them down. It is the page of a category as well."""
    wanted = asked(request.GET)
    context: dict[str, Any] = {"asked": wanted, "sorts": sorts(wanted)}
    if wanted.errors:
        return page(request, "search", context, visitor_of(request), status=400)
    viewer = viewer_of(request)
    words = tuple(wanted.given[name] for name in ("q", "category") if name in wanted.given)
    ads = begin_ads("search", viewer=viewer, keywords=words)
    found = read(products.get_products, **wanted.parameters)
    facets = read(products.get_facets, search=wanted.search._replace(sort=None))
    context |= {
        "found": found,
        "next_page": found.value.next_after and wanted.address(after=as_text(found.value.next_after)),
        "facets": facets,
        "in_stock": wanted.address(in_stock="true"),
        "choices": choices(wanted, facets.value),
        "popular": lists.popular() if found.is_default or not found.value.rows else None,
        "ads": ads(),
    }
    response = page(request, "search", context, visitor_of(request))
    keep_viewer(request, response, viewer)
    return response


@require_safe
def suggestions(request: HttpRequest) -> HttpResponse:
    """A fragment of a page: the best products for what was typed so far; none while the database is down."""
    words = words_of(request.GET.get("q", "")[:200])
    found = read(products.get_products, search=Search(words), skip=0, limit=SUGGESTIONS) if words else None
    rows = [] if found is None or found.is_default else found.value.rows
    return render(request, "storefront/suggestions.html", {"products": rows})
