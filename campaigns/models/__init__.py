"""Tables of the ad provider, by subject."""

from campaigns.models.campaign import (
    MAX_VALUE,
    MICROS,
    Advertiser,
    Campaign,
    Day,
    Micros,
    SponsoredProduct,
    Target,
    day_of,
)
from campaigns.models.clients import LastImpression, Shown, Viewer
from campaigns.models.ledger import (
    MAX_TARGET,
    AppendOnly,
    Cuts,
    DailyFigures,
    Event,
    Kind,
    Reason,
    Unbilled,
)

__all__ = [
    "MAX_TARGET",
    "MAX_VALUE",
    "MICROS",
    "Advertiser",
    "AppendOnly",
    "Campaign",
    "Cuts",
    "DailyFigures",
    "Day",
    "Event",
    "Kind",
    "LastImpression",
    "Micros",
    "Reason",
    "Shown",
    "SponsoredProduct",
    "Target",
    "Unbilled",
    "Viewer",
    "day_of",
]
