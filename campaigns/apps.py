"""Ads: who pays how much to show which products where, and what the ads earned."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from campaigns.repository import spool
        from campaigns.snapshot import refresher
        from service.background import keep_running

        keep_running("ads-snapshot", refresher.run)
        keep_running("ads-spool", spool.run)
