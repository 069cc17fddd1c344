"""Amounts of the shop's one currency, as people read them. They are kept in micros."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.conf import settings
from django.utils.functional import lazy
from iso4217 import Currency

from campaigns.choice import FLOOR
from campaigns.models import MICROS


def decimals() -> int:
    """How many decimals the currency has: 2 for USD, none for JPY."""
    return int(Currency(settings.CURRENCY).exponent or 0)


def floor() -> int:
    """What a click costs at least, in micros: a hundredth of a unit, or the smallest coin if that is more."""
    return max(FLOOR, MICROS // int(10 ** decimals()))


def amount(micros: int) -> str:
    """In units of the currency, with its decimals and as many of six as it takes."""
    whole, fraction = divmod(micros, MICROS)
    digits = f"{fraction:06}".rstrip("0").ljust(decimals(), "0")
    return f"{whole}.{digits}" if digits else f"{whole}"


def in_units(micros: int) -> str:
    """The amount with the currency's code, such as ``1.25 USD``."""
    return f"{amount(micros)} {settings.CURRENCY}"


def rounded(micros: int) -> str:
    """In units of the currency, with its decimals; half of the last one is rounded up."""
    unit = Decimal(1).scaleb(-decimals())
    return f"{(Decimal(micros) / MICROS).quantize(unit, ROUND_HALF_UP)}"


def in_currency(title: str) -> Any:
    """``title`` with the currency's code, such as ``spent (USD)``, as a lazy string."""
    return lazy(lambda: f"{title} ({settings.CURRENCY})", str)()
