"""The views of an ad's URLs: an image of one pixel for the impression, a redirect to the product for the click.

Both always answer, whether or not the event counts. A redirect leads only to the shop: the encrypted decision has the
product.
"""

import base64
import logging
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.addresses import address_of
from campaigns import decisions, repository
from campaigns.decisions import Decision, address_hash
from campaigns.links import product_url, shop_url
from campaigns.models import Kind, Reason, day_of
from campaigns.robots import is_machine
from campaigns.spool import AdEvent

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # a transparent GIF

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def impression(request: HttpRequest, token: str) -> HttpResponse:
    """Record an impression and return an image of one pixel."""
    _record(request, Kind.IMPRESSION, token)
    return HttpResponse(PIXEL, content_type="image/gif")


@never_cache
@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """Record a click and redirect to the product, or to the shop's front page if the token is not valid."""
    decision = _record(request, Kind.CLICK, token)
    if decision is None:
        return HttpResponseRedirect(shop_url())
    return HttpResponseRedirect(product_url(decision.asin))


def _record(request: HttpRequest, kind: Kind, token: str) -> Decision | None:
    if not settings.TRUSTED_PROXIES and "X-Forwarded-For" in request.headers:
        _warn_of_a_proxy()
    address = address_of(request)  # empty on a Unix socket
    decision, reason = None, None
    try:
        decision = decisions.read(token.strip().strip("/"))
    except decisions.Expired as error:
        decision, reason = error.decision, Reason.EXPIRED
    except decisions.Forged:
        reason = Reason.SIGNATURE
    if request.method == "HEAD":
        reason = reason or Reason.HEAD
    elif is_machine(kind, request.headers) or address in settings.ADS_DATACENTRES:
        reason = reason or Reason.ROBOT
    now = timezone.now()
    client = address_hash(address, day_of(now)) if address else ""
    repository.record_or_keep(AdEvent(kind, decision, now, reason, client))
    return decision


@cache  # warns once
def _warn_of_a_proxy() -> None:
    logger.warning("X-Forwarded-For is sent, but TRUSTED_PROXIES is 0: all clients behind a proxy count as one address")
