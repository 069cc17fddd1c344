"""The client of the ad provider, behind its breaker, with house ads as the fallback."""

from types import UnionType
from typing import Any

import orjson
import requests
from django.conf import settings

from catalog import defaults
from catalog.rules import MAX_ADS_BYTES
from catalog.serializers import ProductSerializer
from catalog.wire import IM_URL, SALES_RANK
from resilience import deadlines, http, provenance, request_id
from resilience.breakers import AD_PROVIDER
from resilience.circuit import Outcome
from resilience.fallback import with_fallback

CHECK_TIMEOUT = 0.25  # seconds
PRODUCT_SHAPE: dict[str, type | UnionType] = {
    "asin": str,
    "title": str,
    "description": str,
    IM_URL: str,
    "related": dict,
    SALES_RANK: dict,
    "categories": list,
    "brand": str,
    "price": float | int | None,
}
_session = http.session(connections=16)


def default_ads(*, limit: int, **page: Any) -> list[dict[str, Any]]:
    """House ads in the format of the ad provider."""
    return [ProductSerializer(ad).data for ad in defaults.ads(limit=limit)]


# No stale answers: an old choice for another viewer is worth less than a house ad.
@with_fallback(AD_PROVIDER, default=default_ads, keep_stale=False)
def get_ads(*, limit: int, **page: Any) -> list[dict[str, Any]]:
    """Up to ``limit`` product-shaped ads. ``page`` may hold ``asin``, ``keywords``, ``placement`` and ``viewer``."""
    answer = _ask(_session, {"limit": limit, **page})
    ads = _parse(answer.body)[:limit]
    # The ad provider may have answered with a fallback of its own, which must not count as live here.
    provenance.note_headers(answer.headers)
    return ads


def check() -> bool:
    """Whether the ad provider answers this process: one ad on a new connection within CHECK_TIMEOUT."""
    with http.session(connections=1) as fresh:
        try:
            with deadlines.within(CHECK_TIMEOUT):
                _parse(_ask(fresh, {"limit": 1}).body)
        except http.ERRORS as error:
            return http.classify(error) is Outcome.NEUTRAL
    return True


def _ask(session: requests.Session, context: dict[str, Any]) -> http.Answer:
    headers = {"Accept": "application/json", request_id.HEADER: request_id.current() or ""}
    return http.post_json(session, f"{settings.AD_PROVIDER_URL}/ads", context, headers=headers, max_bytes=MAX_ADS_BYTES)


def _parse(body: bytes) -> list[dict[str, Any]]:
    """Raises BadAnswer unless ``body`` is a JSON array of product-shaped objects."""
    try:
        ads = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise http.BadAnswer("the ad provider's answer is not JSON") from error
    if not isinstance(ads, list) or not all(isinstance(ad, dict) and _is_product_shaped(ad) for ad in ads):
        raise http.BadAnswer("the ad provider's answer is not an array of products")
    return ads


def _is_product_shaped(ad: dict[str, Any]) -> bool:
    return all(name in ad and isinstance(ad[name], kind) for name, kind in PRODUCT_SHAPE.items())
