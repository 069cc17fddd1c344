"""Ads: who pays how much to show which products where, and what the ads earned."""

from django.apps import AppConfig
from django.core.signals import request_started


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from campaigns import background

        request_started.connect(background.ensure_running)
