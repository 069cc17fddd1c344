"""Prices as the shop writes them."""

from decimal import Decimal

from django.conf import settings
from iso4217 import Currency


def plain(amount: Decimal | float) -> str:
    """The amount with the decimals of the currency, such as ``1299.90``."""
    return f"{amount:.{Currency(settings.CURRENCY).exponent}f}"


def for_people(amount: Decimal | float) -> str:
    """Such as ``1,299.90 USD``."""
    return f"{amount:,.{Currency(settings.CURRENCY).exponent}f} {settings.CURRENCY}"
