"""What all pages of the shop have in common."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from rest_framework.exceptions import ValidationError
from rest_framework.serializers import Serializer

from catalog.viewsets import validated_query
from storefront.cookies import cart_of
from storefront.visitor import Visitor


def page(
    request: HttpRequest, name: str, context: dict[str, Any], visitor: Visitor, *, status: int = 200
) -> HttpResponse:
    """A page of the shop. ``here`` is where to come back to after signing in, by default the page itself."""
    shared = {"visitor": visitor, "cart_size": sum(cart_of(request).values()), "here": request.get_full_path()}
    return render(request, f"storefront/{name}.html", {**shared, **context}, status=status)


def missing(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """The 404 of a product."""
    return page(request, "missing", {"here": reverse("storefront:home")}, visitor, status=404)


def validated_by(
    serializer_class: type[Serializer[Any]], parameters: dict[str, object]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The parameters as the API understands them, or else what is wrong, by parameter."""
    try:
        return dict(validated_query(serializer_class, urlencode(parameters))), {}
    except ValidationError as error:
        return {}, {name: " ".join(map(str, texts)) for name, texts in dict(error.detail).items()}  # type: ignore[arg-type]
