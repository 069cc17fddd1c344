"""The cart. It is in the visitor's browser, so it needs no database to change."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from catalog.rules import MAX_ASIN, asin_validator
from service import errors
from storefront import lists
from storefront.cookies import MAX_QUANTITY, Cart, cart_of, keep_cart
from storefront.pages import page
from storefront.visitor import visitor_of


class LineForm(forms.Form):
    asin = forms.CharField(max_length=MAX_ASIN, validators=[asin_validator()])
    quantity = forms.IntegerField(min_value=0, max_value=MAX_QUANTITY)


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    cart = cart_of(request)
    lines = lists.lines_of(cart) if cart else None
    amounts = [line.amount for line in lines.value] if lines else []
    context = {
        "lines": lines,
        "total": sum(filter(None, amounts)),
        "has_unknown_amounts": None in amounts,
        "goes_with": lists.going_with(tuple(cart)[::-1]) if cart else lists.popular(),
        "max_quantity": MAX_QUANTITY,
    }
    return page(request, "cart", context, visitor_of(request))


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Add ``quantity`` of a product."""
    return _change(request, lambda cart, asin, quantity: {**cart, asin: cart.get(asin, 0) + quantity})


@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """Set the quantity of a product; 0 removes it."""
    return _change(request, lambda cart, asin, quantity: {**cart, asin: quantity})


def _change(request: HttpRequest, changed: Callable[[Cart, str, int], Cart]) -> HttpResponse:
    form = LineForm(request.POST)
    if not form.is_valid():
        text = " ".join(f"{name}: {' '.join(map(str, texts))}" for name, texts in form.errors.items())
        return errors.refuse(request, 400, text, dict(form.errors))
    cart = changed(cart_of(request), form.cleaned_data["asin"], form.cleaned_data["quantity"])
    response = redirect("storefront:cart")
    quantities = {asin: min(quantity, MAX_QUANTITY) for asin, quantity in cart.items() if quantity}
    if not keep_cart(response, quantities):
        messages.error(request, "The cart is full.")
    return response
