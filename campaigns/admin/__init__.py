"""Admin pages: advertisers, campaigns and ads to edit, the ledger to view."""

from campaigns.admin import ads, campaigns, ledger

__all__ = ["ads", "campaigns", "ledger"]
