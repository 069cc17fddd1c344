"""Sponsored products, read while the rest of a page is."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from storefront.parts import Part, Readers

ADS = 3

_readers = Readers(settings.HALF_OF_THREADS, "ads")


def begin_ads(placement: str, **page: Any) -> Callable[[], Part[list[dict[str, Any]]]]:
    """Begin to read up to ADS ads for a ``page``: ``asin``, ``keywords`` and ``viewer``, all optional."""
    given = {name: value for name, value in page.items() if value}
    return _readers.begin(import_string(settings.STOREFRONT_ADS), placement=placement, limit=ADS, **given)
