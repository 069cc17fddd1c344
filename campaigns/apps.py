"""Sponsored products: who pays how much for which products to be shown where, and what was earned."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"
