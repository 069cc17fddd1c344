"""Permissions that belong to no table."""

from django.db import models


class Breaker(models.Model):  # noqa: DJ008  there are no instances
    """The circuit breakers, of which the admin grants a permission. There is no table: they live in memory."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("override_breaker", "Can override a circuit breaker")]
