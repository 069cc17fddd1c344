"""What the ad provider sends, without one."""

from typing import Any

from catalog import defaults
from catalog.ads import as_ad
from catalog.served import ProductRow
from resilience import provenance, request_id

asked: list[dict[str, Any]] = []


def one_sponsored(**page: Any) -> list[dict[str, Any]]:
    asked.append({**page, "request_id": request_id.current()})
    provenance.note("live")
    urls = {"impression_url": "https://ads.example/i/1", "click_url": "https://ads.example/c/1"}
    return [as_ad(ProductRow("D0SOLD0001", "A sold pen"), sponsored=True, ad_id=1, **urls)]


def none_but_ours(**page: Any) -> list[dict[str, Any]]:
    provenance.note("default")
    return [as_ad(product) for product in defaults.ads(limit=2)]
