"""All breakers of the running project, one for each thing that can fail, with the figures of settings.BREAKERS."""

from functools import cache

from django.conf import settings

from resilience import database, http, listeners
from resilience.breaker import Breaker
from resilience.causes import cause_of
from resilience.listeners import LoggingListener, MetricsListener
from resilience.sharing import Sharing

DATABASE = "database"
AD_PROVIDER = "ad-provider"


@cache
def get(name: str) -> Breaker:
    """The breaker of this name. Raises KeyError for a name that settings.BREAKERS does not have."""
    kind, dependency = (database.DatabaseBreaker, database) if name == DATABASE else (Breaker, http)
    breaker = kind(
        name,
        **settings.BREAKERS[name],  # type: ignore[arg-type]
        classify=dependency.classify,
        errors=dependency.ERRORS,
        listeners=[LoggingListener(), MetricsListener()],
        cause_of=cause_of,
    )
    listeners.begin(name, breaker.state)
    if settings.REDIS_URL:
        _sharing().share(breaker)
    return breaker


@cache
def _sharing() -> Sharing:
    return Sharing(settings.REDIS_URL)


def all_breakers() -> list[Breaker]:
    """Every breaker of this project, in the order of the settings."""
    return [get(name) for name in settings.BREAKERS]
