"""All campaigns and ads in memory, read from the database by a background thread: an auction takes under a millisecond.

The snapshot may be some seconds old: charging checks budgets again. Campaigns are read often. Ads and targets, of which
there are many, are read every ADS_EVERY times.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.models import QuerySet
from django.utils import timezone

from campaigns.choice import Ad, CampaignState, Snapshot, TargetKey
from campaigns.keywords import KeywordIndex, keyword
from campaigns.models import Campaign, Day, SponsoredProduct, Target, day_of
from campaigns.money import floor
from campaigns.standing import HAS_PRODUCT
from resilience.errors import DependencyUnavailable

CHUNK = 10_000  # rows per query, so that none takes long
ADS_EVERY = 10  # ads are read once while campaigns are read this often
FIRST_WAIT = 1.0  # seconds that a request waits for the first snapshot

Ads = Mapping[TargetKey, Sequence[tuple[Ad, int]]]

logger = logging.getLogger(__name__)


def load_campaigns(at: datetime) -> dict[int, CampaignState]:
    """Return all campaigns by id. Two queries. Raises one of UNREADABLE."""
    days = Day.objects.filter(day=day_of(at)).values_list("campaign", "budget", "spent")
    today = {campaign: (budget, spent) for campaign, budget, spent in days}
    states = {}
    for each in Campaign.objects.order_by():
        budget, spent = today.get(each.pk, (each.daily_budget, 0))
        states[each.pk] = CampaignState(
            id=each.pk,
            name=each.name,
            status=each.status,
            starts=each.starts,
            ends=each.ends,
            total_left=each.total_budget - each.spent,
            daily_budget=budget,
            spent_today=spent,
            even=each.pacing == Campaign.Pacing.EVEN,
            viewer_limit=each.viewer_limit,
        )
    return states


def load_ads(every: bool = False) -> tuple[Ads, KeywordIndex, KeywordIndex]:
    """Return the ads of each target with their bids, the keywords of the targets, and the negative keywords.

    With ``every``, ads without an available product are among them. Raises one of UNREADABLE.
    """
    targets: dict[int, dict[TargetKey | frozenset[str], tuple[TargetKey, int]]] = defaultdict(dict)
    never: dict[int, set[TargetKey]] = defaultdict(set)
    for _, ad, kind, value, bid in _rows(Target.objects.all(), "ad", "kind", "value", "bid"):
        is_keyword = kind == Target.Kind.KEYWORD
        # Earlier releases normalised keywords in another way.
        key = TargetKey(kind, keyword(value) if is_keyword else value)
        if bid is None:
            never[ad].add(key)
            continue
        # Of keywords with the same words the highest bid counts: all orders of eight words would make auctions slow.
        same = frozenset(key.value.split()) if is_keyword else key
        if same not in targets[ad] or bid > targets[ad][same][1]:
            targets[ad][same] = key, bid
    by_key: dict[TargetKey, list[tuple[Ad, int]]] = defaultdict(list)
    ads = SponsoredProduct.objects.annotate(has_product=HAS_PRODUCT)
    ads = ads if every else ads.filter(has_product=True)
    columns = ("campaign", "product", "impressions", "clicks", "has_product")
    for number, campaign, asin, impressions, clicks, has_product in _rows(ads, *columns):
        ad = Ad(number, campaign, asin, impressions, clicks, frozenset(never[number]), has_product)
        for key, bid in targets[number].values():
            by_key[key].append((ad, bid))
    return by_key, _keywords(by_key), _keywords(chain.from_iterable(never.values()))


def _keywords(keys: Iterable[TargetKey]) -> KeywordIndex:
    return KeywordIndex({key.value for key in keys if key.kind == Target.Kind.KEYWORD})


def _rows(table: QuerySet[Any], *columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield all rows of a table in chunks, the id first."""
    last = 0
    while True:
        rows = table.filter(pk__gt=last).order_by("pk").values_list("pk", *columns)[:CHUNK]
        yield from rows
        if len(rows) < CHUNK:
            return
        last = rows[CHUNK - 1][0]


def read(every: bool = False) -> Snapshot:
    """Return what is in the database now, with ``every`` ad. Raises one of UNREADABLE."""
    return Snapshot(load_campaigns(timezone.now()), *load_ads(every), floor())


def served_within() -> float:
    """Return the seconds until a change of ads or targets is served."""
    return ADS_EVERY * settings.ADS_SNAPSHOT_SECONDS


# The database is down, or a statement failed.
UNREADABLE = (DependencyUnavailable, Error)


class SnapshotRefresher:
    """Keeps the latest snapshot."""

    def __init__(self) -> None:
        self._read = threading.Event()
        self._latest: Snapshot | None = None

    def latest(self) -> Snapshot | None:
        """Return the latest snapshot, None before the first. Tests set ADS_SNAPSHOT_SECONDS = 0 to read now."""
        if not settings.ADS_SNAPSHOT_SECONDS:
            with suppress(*UNREADABLE):
                return read()
            return None
        self._read.wait(FIRST_WAIT)
        return self._latest

    def run(self) -> None:
        """Read a snapshot every ADS_SNAPSHOT_SECONDS, for ever."""
        ads: tuple[Ads, KeywordIndex, KeywordIndex] = {}, KeywordIndex(), KeywordIndex()
        turn = 0
        while True:
            try:
                ads = load_ads() if turn % ADS_EVERY == 0 else ads
                self._latest = Snapshot(load_campaigns(timezone.now()), *ads, floor())
                turn += 1
            except UNREADABLE as error:
                logger.warning("campaigns cannot be read", extra={"error": type(error).__name__})
                turn = 0
            finally:
                connection.close()  # hold no connection while sleeping
            self._read.set()
            time.sleep(settings.ADS_SNAPSHOT_SECONDS)


refresher = SnapshotRefresher()
