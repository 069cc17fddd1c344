"""The client of the ad provider, behind its breaker, with default ads as the fallback."""

from types import UnionType
from typing import Any

import orjson
import requests
from django.conf import settings

from catalog import defaults
from catalog.ads import as_ad
from catalog.rules import MAX_ADS_BYTES
from catalog.wire import IM_URL, IS_LISTED, SALES_RANK
from resilience import deadlines, http, provenance, request_id
from resilience.circuit import Outcome
from resilience.fallback import with_fallback
from service.json import MAX_DEPTH, is_deeper_than

AD_PROVIDER = "ad-provider"  # in settings.BREAKERS
CHECK_TIMEOUT = 0.25  # seconds
AD_SHAPE: dict[str, type | UnionType] = {
    "asin": str,
    "title": str,
    "description": str,
    IM_URL: str,
    "related": dict,
    SALES_RANK: dict,
    "categories": list,
    "brand": str,
    "price": float | int | None,
    IS_LISTED: bool,
    "in_stock": bool,
    "rating": dict,
    "sponsored": bool,
    "ad_id": int | None,
    "impression_url": str | None,
    "click_url": str | None,
}
# Another ad provider, or one of an earlier release, may leave these out.
OPTIONAL = {
    IS_LISTED: True,
    "in_stock": True,
    "rating": {"average": None, "count": 0},
    "sponsored": False,
    "ad_id": None,
    "impression_url": None,
    "click_url": None,
}
_session = http.session(connections=16)


def default_ads(*, limit: int, **page: Any) -> list[dict[str, Any]]:
    """Return default house ads."""
    return [as_ad(product) for product in defaults.ads(limit=limit)]


# No stale answer: an ad that was chosen for another viewer is worth less than a house ad.
@with_fallback(AD_PROVIDER, default=default_ads, keep_stale=False)
def get_ads(*, limit: int, **page: Any) -> list[dict[str, Any]]:
    """Return up to ``limit`` ads for a ``page``: ``asin``, ``keywords``, ``placement`` and ``viewer``, all optional."""
    answer = _ask(_session, {"limit": limit, **page})
    ads = _parse(answer.body)[:limit]
    # The ad provider may have used its own fallback: pass its source on.
    provenance.note_headers(answer.headers)
    return ads


def check() -> bool:
    """Return whether the ad provider answers one ad on a new connection within CHECK_TIMEOUT."""
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
    """Return the ads of a JSON array. Raises BadAnswer for anything else."""
    try:
        ads = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise http.BadAnswer("the ad provider's answer is not JSON") from error
    if is_deeper_than(MAX_DEPTH, ads):  # orjson reads more levels than it writes
        raise http.BadAnswer("the ad provider's answer is nested too deep")
    if not isinstance(ads, list) or not all(isinstance(ad, dict) and _is_ad({**OPTIONAL, **ad}) for ad in ads):
        raise http.BadAnswer("the ad provider's answer is not an array of ads")
    return [{**OPTIONAL, **ad} for ad in ads]


def _is_ad(ad: dict[str, Any]) -> bool:
    return all(name in ad and isinstance(ad[name], kind) for name, kind in AD_SHAPE.items()) and all(
        ad[name] is None or ad[name].startswith(("http://", "https://")) for name in ("impression_url", "click_url")
    )
