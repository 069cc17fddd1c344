"""Amounts in the shop's currency, which are stored in micros: their text, and the minimum price of a click."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.conf import settings
from django.utils.functional import lazy
from iso4217 import Currency

from campaigns.choice import FLOOR
from campaigns.models import MICROS


def decimals() -> int:
    """Return the decimals of the currency: 2 for USD, 0 for JPY."""
    return int(Currency(settings.CURRENCY).exponent or 0)


def floor() -> int:
    """Return the minimum price of a click in micros: 0.01 units, or the smallest coin if that is more."""
    return max(FLOOR, MICROS // int(10 ** decimals()))


def amount(micros: int) -> str:
    """Return the exact amount, with at least the decimals of the currency."""
    whole, fraction = divmod(micros, MICROS)
    digits = f"{fraction:06}".rstrip("0").ljust(decimals(), "0")
    return f"{whole}.{digits}" if digits else f"{whole}"


def in_units(micros: int) -> str:
    """Return the exact amount with the currency's code, such as ``1.25 USD``."""
    return f"{amount(micros)} {settings.CURRENCY}"


def rounded(micros: int) -> str:
    """Return the amount rounded half up to the decimals of the currency."""
    unit = Decimal(1).scaleb(-decimals())
    return f"{(Decimal(micros) / MICROS).quantize(unit, ROUND_HALF_UP)}"


def in_currency(title: str) -> Any:
    """Return a title with the currency's code, such as ``spend (USD)``, as a lazy string."""
    return lazy(lambda: f"{title} ({settings.CURRENCY})", str)()
