"""What is known of clients, for the limits of a day. A client is a viewer or an address, known by a hash that changes
each day."""

from django.db import models

from campaigns.models.campaign import Campaign, SponsoredProduct


class Viewer(models.Model):
    """How often a client saw and clicked a campaign on a day. An event has up to two clients: viewer and address.

    ``impressions`` and ``clicks`` are those that count. ``uncounted`` are impressions that do not count and are stored
    as Shown.
    """

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    viewer = models.CharField(max_length=22)
    impressions = models.PositiveIntegerField(default=0)
    clicks = models.PositiveIntegerField(default=0)
    uncounted = models.PositiveIntegerField(default=0, db_default=0)  # statements of an earlier release do not name it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "viewer", "campaign"], name="viewer_once_per_campaign_day"),
        ]

    def __str__(self) -> str:
        return f"{self.viewer} on {self.day}"


class LastImpression(models.Model):
    """When an impression of an ad last counted for a client: the next one counts a minute later."""

    client = models.CharField(max_length=22)
    ad = models.ForeignKey(SponsoredProduct, models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "ad"], name="last_impression_once_per_client_ad")]

    def __str__(self) -> str:
        return f"{self.ad_id} at {self.at:%Y-%m-%d %H:%M:%S}"


class Shown(models.Model):
    """An impression that a person saw but that does not count: a click on the ad can still be billed."""

    decision = models.CharField(max_length=22)
    ad = models.ForeignKey(SponsoredProduct, models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["decision", "ad"], name="shown_once_per_decision_ad")]

    def __str__(self) -> str:
        return f"{self.ad_id} at {self.at:%Y-%m-%d %H:%M:%S}"
