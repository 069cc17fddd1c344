"""Permissions that belong to no table."""

from django.db import models


class Breaker(models.Model):  # noqa: DJ008  there are no instances
    """Carries the permission to override circuit breakers. It has no table: breakers live in memory."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("override_breaker", "Can override a circuit breaker")]
