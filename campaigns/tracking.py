"""What the URLs of an ad do: an image of one pixel for the impression, a redirect to the product for the click.

Both answer always, whatever becomes of the event. A redirect goes to the shop and nowhere else: the signed decision
names the product.
"""

import base64
import re
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns import decisions, repository
from campaigns.decisions import Decision
from campaigns.models import Kind, Reason
from campaigns.spool import Happened

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # a transparent GIF
# What names itself a machine, or does not say what it is; people's browsers all say Mozilla.
ROBOT = re.compile(r"bot|crawl|spider|slurp|preview|headless|monitor|^(?!.*mozilla)", re.IGNORECASE)
PURPOSES = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


@never_cache
@require_safe
def impression(request: HttpRequest, token: str) -> HttpResponse:
    """An image of one pixel."""
    _happened(request, Kind.IMPRESSION, token)
    return HttpResponse(PIXEL, content_type="image/gif")


@never_cache
@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """A redirect to the product, or to the shop where the URL is none of ours."""
    decision = _happened(request, Kind.CLICK, token)
    if decision is None:
        return HttpResponseRedirect(f"{settings.RECOMMENDER_PUBLIC_URL}/")
    return HttpResponseRedirect(settings.PRODUCT_URL.replace("{asin}", quote(decision.asin, safe="")))


def _happened(request: HttpRequest, kind: Kind, token: str) -> Decision | None:
    decision, reason = None, None
    try:
        decision = decisions.read(token.strip().strip("/"))
    except decisions.Expired as error:
        decision, reason = error.decision, Reason.EXPIRED
    except decisions.Forged:
        reason = Reason.SIGNATURE
    if request.method == "HEAD":
        reason = reason or Reason.HEAD
    elif _is_machine(request):
        reason = reason or Reason.ROBOT
    repository.record_or_keep(Happened(kind, decision, timezone.now(), reason))
    return decision


def _is_machine(request: HttpRequest) -> bool:
    purposes = " ".join(request.headers.get(name, "") for name in PURPOSES).lower()
    prefetched = "prefetch" in purposes or "preview" in purposes
    return prefetched or bool(ROBOT.search(request.headers.get("User-Agent", "")))
