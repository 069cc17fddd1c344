"""The wire format of the ad provider: what it is asked, the ads, and the explanation of a choice."""

from heapq import nsmallest
from typing import Any

import orjson
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from campaigns import decisions
from campaigns.choice import AuctionEntry
from campaigns.decisions import Decision
from campaigns.keywords import RULE
from campaigns.links import click_url, impression_url, product_url
from campaigns.models import MICROS
from campaigns.repository import Chosen
from catalog import rules
from catalog.ads import AdSerializer, as_ad
from catalog.serializers import AsinField
from catalog.served import ProductRow
from service.fields import BoundedListField

MAX_EXPLAINED = 1000  # candidates


class AdContextSerializer(serializers.Serializer[Any]):
    """The page that the ads are for, and its viewer."""

    asin = AsinField(required=False, help_text="The product of the page. It is never its own ad.")
    categories = BoundedListField(
        child=serializers.CharField(max_length=rules.MAX_NAME),
        max_length=rules.MAX_CATEGORIES,
        default=list,
        help_text="Further categories of the page.",
    )
    keywords = BoundedListField(
        child=serializers.CharField(max_length=rules.MAX_KEYWORD),
        max_length=rules.MAX_KEYWORDS,
        default=list,
        help_text=f"Search terms. {RULE}",
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=rules.MAX_ADS, default=rules.DEFAULT_ADS, help_text="How many ads at most."
    )
    placement = serializers.CharField(
        max_length=rules.MAX_PLACEMENT, required=False, help_text="The place on the page, for reports."
    )
    viewer = serializers.CharField(
        max_length=rules.MAX_VIEWER,
        required=False,
        help_text="Your key for the viewer. Only a hash is stored; it changes each day.",
    )
    explain = serializers.BooleanField(
        default=False,
        help_text="Explain why each candidate won or lost. Needs the permission `campaigns.view_campaign`.",
    )


class CandidateSerializer(serializers.Serializer[Any]):
    """An ad with a target that matches the page, and its outcome. Money is in units of the currency."""

    ad_id = serializers.IntegerField()
    campaign_id = serializers.IntegerField()
    asin = AsinField()
    target = serializers.CharField(help_text="The target that matches best.")
    bid = serializers.FloatField(help_text="The bid in the auction.")
    target_bid = serializers.FloatField(help_text="The bid of the target, before it was lowered.")
    lowered_by = serializers.CharField(help_text="Why the bid was lowered, such as even pacing; else empty.")
    fit = serializers.FloatField(help_text="How well the target fits the page; 1 is best.")
    click_rate = serializers.FloatField(
        help_text="The click rate used for ranking; higher while the ad has few impressions."
    )
    score = serializers.FloatField(help_text="Bid times click rate times fit, in micros per impression.")
    price = serializers.FloatField(help_text="The price of a click; 0 if the ad did not win.")
    outcome = serializers.CharField()


class ExplainedSerializer(serializers.Serializer[Any]):
    """The answer with `explain`."""

    ads = AdSerializer(many=True)
    candidates = CandidateSerializer(many=True)


# What POST /ads answers.
ADS_OR_EXPLAINED = PolymorphicProxySerializer(
    "AdsOrExplained", [AdSerializer(many=True), ExplainedSerializer], resource_type_field_name=None, many=False
)


def sponsored_ads(chosen: Chosen, placement: str) -> list[dict[str, Any]]:
    """Return the sponsored ads of a choice, with one decision for all."""
    decision, ads = decisions.new_id() if chosen.ads else "", []
    for position, (candidate, product) in enumerate(chosen.ads, 1):
        ad = candidate.ad
        token = decisions.seal(
            Decision(
                decision,
                ad.id,
                ad.campaign,
                ad.asin,
                position,
                candidate.price,
                placement,
                chosen.viewer,
                f"{candidate.key.kind} {candidate.key.value}",
                chosen.term,
            )
        )
        urls = {"impression_url": impression_url(token), "click_url": click_url(token)}
        ads.append(as_ad(product, sponsored=True, ad_id=ad.id, **urls))
    return ads


def that_fit(ads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first ads that fit into MAX_ADS_BYTES: titles and categories can be long."""
    size = len("[]")
    for number, ad in enumerate(ads):
        size += len(orjson.dumps(ad)) + len(",")
        if size > rules.MAX_ADS_BYTES:
            return ads[:number]
    return ads


def house_ad(product: ProductRow) -> dict[str, Any]:
    """Return an ad that nobody pays for and nothing counts. A default product is not in the catalogue: no link."""
    return as_ad(product, click_url=product_url(product.asin) if product.id else None)


def explained(chosen: Chosen) -> list[dict[str, Any]]:
    """Return why each candidate won or lost, winners first, MAX_EXPLAINED at most. Money in units of the currency."""
    winners = [candidate for candidate, _ in chosen.ads]
    others = nsmallest(MAX_EXPLAINED - len(winners), chosen.others, key=lambda each: (-each.score, each.ad.id))
    return [_explained(each, f"won place {place}") for place, each in enumerate(winners, 1)] + [
        _explained(each, each.lost) for each in others
    ]


def _explained(candidate: AuctionEntry, outcome: str) -> dict[str, Any]:
    return {
        "ad_id": candidate.ad.id,
        "campaign_id": candidate.ad.campaign,
        "asin": candidate.ad.asin,
        "target": f"{candidate.key.kind} {candidate.key.value}",
        "bid": candidate.bid / MICROS,
        "target_bid": candidate.target_bid / MICROS,
        "lowered_by": candidate.lowered,
        "fit": candidate.fit,
        "click_rate": round(candidate.rate, 5),
        "score": round(candidate.score, 3),
        "price": candidate.price / MICROS,
        "outcome": outcome,
    }
