"""Advertisers, campaigns and ads for the staff, and what was billed to look at."""

from campaigns.admin import ads, campaigns, ledger

__all__ = ["ads", "campaigns", "ledger"]
