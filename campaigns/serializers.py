"""The wire format of ads: product-shaped, with what is needed to count them."""

from heapq import nsmallest
from typing import Any

import orjson
from django.conf import settings
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from campaigns import decisions
from campaigns.choice import AuctionEntry
from campaigns.decisions import Decision
from campaigns.models import MICROS
from campaigns.repository import Chosen
from catalog import rules
from catalog.serializers import AsinField, ProductSerializer
from catalog.served import ProductRow
from service.fields import BoundedListField

MAX_EXPLAINED = 1000  # candidates


class AdContextSerializer(serializers.Serializer[Any]):
    """What is known of the page that the ads are for, and of who looks at it."""

    asin = AsinField(required=False, help_text="The product that is looked at. It is never its own ad.")
    categories = BoundedListField(
        child=serializers.CharField(max_length=rules.MAX_NAME),
        max_length=rules.MAX_CATEGORIES,
        default=list,
        help_text="Categories that fit.",
    )
    keywords = BoundedListField(
        child=serializers.CharField(max_length=rules.MAX_KEYWORD),
        max_length=rules.MAX_KEYWORDS,
        default=list,
        help_text="What was searched for.",
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=rules.MAX_ADS, default=rules.DEFAULT_ADS, help_text="How many ads at most."
    )
    placement = serializers.CharField(
        max_length=rules.MAX_PLACEMENT, required=False, help_text="Where on the page; for reports."
    )
    viewer = serializers.CharField(
        max_length=rules.MAX_VIEWER,
        required=False,
        help_text="A key of your own for who looks; only a hash of the day is kept.",
    )
    explain = serializers.BooleanField(
        default=False, help_text="Tell why each candidate won or lost. Takes the permission `campaigns.view_campaign`."
    )


class AdSerializer(ProductSerializer):
    """A product that is shown as an ad, and what is to be asked when it was."""

    sponsored = serializers.BooleanField(help_text="False for a house ad, which nobody pays for.")
    ad_id = serializers.IntegerField(allow_null=True)
    impression_url = serializers.URLField(
        allow_null=True, help_text="An image to show with the ad, once. Without it a click is not billed."
    )
    click_url = serializers.URLField(allow_null=True, help_text="Where the ad leads: on to the product.")


class CandidateSerializer(serializers.Serializer[Any]):
    """An ad that has a target on the page, and how it fared; money in units of the currency."""

    ad_id = serializers.IntegerField()
    campaign_id = serializers.IntegerField()
    asin = AsinField()
    target = serializers.CharField(help_text="Its best one here.")
    bid = serializers.FloatField(help_text="Which counts.")
    target_bid = serializers.FloatField(help_text="Of the target, before it was lowered.")
    lowered_by = serializers.CharField(help_text="What has lowered the bid, such as even pacing; empty where nothing.")
    fit = serializers.FloatField(help_text="How well the target fits, 1 at best.")
    click_rate = serializers.FloatField(help_text="By which it is ranked: higher while little is known.")
    score = serializers.FloatField()
    price = serializers.FloatField(help_text="Of a click; 0 where it did not win.")
    outcome = serializers.CharField()


class ExplainedSerializer(serializers.Serializer[Any]):
    """What those get who may ask why."""

    ads = AdSerializer(many=True)
    candidates = CandidateSerializer(many=True)


# What POST /ads answers.
ADS_OR_EXPLAINED = PolymorphicProxySerializer(
    "AdsOrExplained", [AdSerializer(many=True), ExplainedSerializer], resource_type_field_name=None, many=False
)


def sponsored_ads(chosen: Chosen, placement: str) -> list[dict[str, Any]]:
    """The ads of a choice, under one decision."""
    decision, ads = decisions.new_id(), []
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
                f"{candidate.place.kind} {candidate.place.value}",
                chosen.term,
            )
        )
        ads.append(_ad(product, ad.id, token))
    return ads


def that_fit(ads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first of the ads, as many as may be answered: titles and categories can be long too."""
    size = len("[]")
    for number, ad in enumerate(ads):
        size += len(orjson.dumps(ad)) + len(",")
        if size > rules.MAX_ADS_BYTES:
            return ads[:number]
    return ads


def house_ad(product: ProductRow) -> dict[str, Any]:
    """An ad that nobody pays for and nothing counts."""
    return _ad(product, None, None)


def _ad(product: ProductRow, number: int | None, token: str | None) -> dict[str, Any]:
    base = f"{settings.AD_PROVIDER_PUBLIC_URL}/ads"
    return {
        **ProductSerializer(product).data,
        "categories": _names(orjson.loads(product.categories)),
        "sponsored": token is not None,
        "ad_id": number,
        "impression_url": token and f"{base}/impression/{token}",
        "click_url": token and f"{base}/click/{token}",
    }


def _names(names: Any) -> list[str]:
    """Whatever is stored: an ad must have the shape that its readers ask for."""
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def explained(chosen: Chosen) -> list[dict[str, Any]]:
    """Why each candidate won or lost, the winners first; money in units of the currency. MAX_EXPLAINED at most."""
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
        "target": f"{candidate.place.kind} {candidate.place.value}",
        "bid": candidate.bid / MICROS,
        "target_bid": candidate.target_bid / MICROS,
        "lowered_by": candidate.lowered,
        "fit": candidate.fit,
        "click_rate": round(candidate.rate, 5),
        "score": round(candidate.score, 3),
        "price": candidate.price / MICROS,
        "outcome": outcome,
    }
