"""Sponsored products, read while the rest of a page is."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from storefront.parts import Pending

ADS = 3

# As many as may call the ad provider at once. A thread waits no longer than the call's deadline.
_pool = ThreadPoolExecutor(settings.HALF_OF_THREADS, thread_name_prefix="ads")


def ads_for(placement: str, **page: Any) -> Pending[list[dict[str, Any]]]:
    """Up to ADS ads for a ``page``: ``asin``, ``keywords`` and ``viewer``, all optional."""
    given = {name: value for name, value in page.items() if value}
    return Pending(_pool, import_string(settings.STOREFRONT_ADS), placement=placement, limit=ADS, **given)
