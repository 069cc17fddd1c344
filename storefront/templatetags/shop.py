"""How the shop's pages show prices, stars and where an answer came from."""

from datetime import UTC, datetime
from typing import Any

from django import template
from django.conf import settings
from django.template.defaultfilters import pluralize
from django.utils.dateformat import format as date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from resilience import breakers
from storefront import prices
from storefront.parts import Part

register = template.Library()
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@register.filter
def money(amount: Any) -> str:
    """The amount with its currency; nothing for None."""
    return "" if amount is None else prices.for_people(amount)


@register.filter
def day(seconds: int | None) -> str:
    """The day of a time since 1970, such as ``8 February 2014``."""
    return "" if seconds is None else date_format(datetime.fromtimestamp(seconds, UTC), "j F Y")


@register.simple_tag
def stars(average: float | None) -> SafeString:
    """Five stars, of which as many are filled."""
    if average is None:
        return SafeString("")
    return format_html(
        '<span class="stars" style="--filled: {}%" role="img" aria-label="{} of 5 stars"></span>',
        round(average * 20),
        f"{average:g}",
    )


@register.filter
def share(count: int, counts: tuple[int, ...]) -> int:
    """The share of a count in all, in percent."""
    return round(100 * count / (sum(counts) or 1))


@register.simple_tag
def source_line(part: Part[Any], what: str) -> SafeString:
    """A quiet line if the part is not live: ``Reviews as of 3 minutes ago.``"""
    if part.source == "live":
        return SafeString("")
    text = f"{what} as of {_ago(part.age or 0)}." if part.source == "stale" else f"{what} are not available now."
    return format_html('<p class="quiet" role="status" data-source="{}">{}</p>', part.source, text)


def _ago(seconds: float) -> str:
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), _UNITS[-1])
    number = int(seconds // size)
    return f"{number} {unit}{pluralize(number)} ago"


@register.inclusion_tag("storefront/strip.html", takes_context=True)
def outage_strip(context: dict[str, Any]) -> dict[str, Any]:
    """The dependencies, with buttons that break them, for who tries the service out."""
    if not settings.SABOTAGE:
        return {}
    return {"breakers": [breaker.describe() for breaker in breakers.all_breakers()], "next": f"{context['here']}#strip"}
