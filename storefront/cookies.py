"""What the shop keeps in a visitor's browser: the cart, the products seen, and a key for ads.

Cookies are the visitor's to change, so whatever cannot be one of ours is dropped.
"""

import re
import secrets
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from catalog.rules import is_asin

CART, SEEN, VIEWER = "cart", "seen", "viewer"
MAX_QUANTITY = 99
MAX_LINES = 50
MAX_SEEN = 12
MAX_BYTES = 3_000  # a browser drops a cookie of more than 4,096 with its name and attributes
SEEN_AGE = 30 * 86_400  # seconds
_VIEWER = re.compile(r"[A-Za-z0-9_-]{22}")

Cart = dict[str, int]  # quantities by asin, in the order in which they were added


def cart_of(request: HttpRequest) -> Cart:
    lines = (line.partition(":") for line in _values(request, CART))
    found = {asin: quantity for asin, _, quantity in lines if is_asin(asin) and quantity.isdecimal()}
    quantities = [(asin, int(quantity[:3])) for asin, quantity in found.items()][:MAX_LINES]
    return {asin: min(quantity, MAX_QUANTITY) for asin, quantity in quantities if quantity}


def keep_cart(response: HttpResponse, cart: Cart) -> bool:
    """Keep the cart until the browser is closed. Return False, and keep the old one, if it is too large."""
    return len(cart) <= MAX_LINES and _keep(response, CART, [f"{asin}:{quantity}" for asin, quantity in cart.items()])


def seen_by(request: HttpRequest) -> tuple[str, ...]:
    """The products last looked at, the newest first."""
    return tuple(dict.fromkeys(filter(is_asin, _values(request, SEEN))))[:MAX_SEEN]


def keep_seen(request: HttpRequest, response: HttpResponse, asin: str) -> None:
    """Add a product to those seen."""
    asins = [asin, *(each for each in seen_by(request) if each != asin)][:MAX_SEEN]
    while not _keep(response, SEEN, asins, max_age=SEEN_AGE):
        asins.pop()


def viewer_of(request: HttpRequest) -> str:
    """A random key, for which the ad provider counts how often an ad was shown; a new one for a new visitor."""
    kept = request.COOKIES.get(VIEWER, "")
    return kept if _VIEWER.fullmatch(kept) else secrets.token_urlsafe(16)


def keep_viewer(request: HttpRequest, response: HttpResponse, viewer: str) -> None:
    """Keep the key until the browser is closed."""
    if request.COOKIES.get(VIEWER) != viewer:
        _keep(response, VIEWER, [viewer])


def _values(request: HttpRequest, name: str) -> list[str]:
    return request.COOKIES.get(name, "")[:MAX_BYTES].split("~")


def _keep(response: HttpResponse, name: str, values: list[str], **options: Any) -> bool:
    text = "~".join(values)  # neither it nor the colon is in an asin, and neither has to be quoted in a cookie
    if len(text) > MAX_BYTES:
        return False
    response.set_cookie(name, text, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE, **options)
    return True
