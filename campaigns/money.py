"""Amounts as people read them."""

from campaigns.models import MICROS


def amount(micros: int) -> str:
    """In units of the currency, with the two decimals that everybody expects and as many of six as it takes."""
    whole, fraction = divmod(micros, MICROS)
    return f"{whole}.{f'{fraction:06}'.rstrip('0'):0<2}"
