"""The settings that this package reads, with their defaults. They are read when they are used, so tests may change
them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS


class Settings:
    """Shadows Django's settings. The README describes each of them."""

    @property
    def BREAKERS(self) -> Mapping[str, Mapping[str, Any]]:
        return getattr(settings, "BREAKERS", {"database": {"database": DEFAULT_DB_ALIAS}})

    @property
    def BREAKER_LISTENERS(self) -> Sequence[str]:
        return getattr(settings, "BREAKER_LISTENERS", ["resilience.listeners.LoggingListener"])

    @property
    def BREAKER_OVERRIDE_PATHS(self) -> Sequence[str]:
        return getattr(settings, "BREAKER_OVERRIDE_PATHS", [])

    @property
    def BREAKER_UNAVAILABLE_VIEW(self) -> str:
        return getattr(settings, "BREAKER_UNAVAILABLE_VIEW", "resilience.middleware.unavailable")

    @property
    def DB_DEADLINE(self) -> float:
        return getattr(settings, "DB_DEADLINE", 2.0)

    @property
    def DB_POOLER(self) -> str:
        return getattr(settings, "DB_POOLER", "off")

    @property
    def REDIS_URL(self) -> str:
        return getattr(settings, "REDIS_URL", "")

    @property
    def STANDBY_DATABASE(self) -> str:
        return getattr(settings, "STANDBY_DATABASE", "")

    @property
    def STALE_MAX_AGE(self) -> float:
        return getattr(settings, "STALE_MAX_AGE", 86_400)


conf = Settings()
