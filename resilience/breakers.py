"""All breakers of the running project, one for each thing that can fail, with the figures of settings.BREAKERS."""

from functools import cache
from typing import Any, cast

from django.conf import settings
from django.utils.module_loading import import_string

from resilience import database, http, identity, listeners
from resilience.breaker import Breaker
from resilience.causes import cause_of
from resilience.listeners import LoggingListener, MetricsListener
from resilience.sharing import Sharing

DATABASE = database.NAME
AD_PROVIDER = "ad-provider"


@cache
def get(name: str) -> Breaker:
    """The breaker of this name. Raises KeyError for a name that settings.BREAKERS does not have."""
    figures: dict[str, Any] = dict(settings.BREAKERS[name])
    kind, dependency = (database.DatabaseBreaker, database) if name == DATABASE else (Breaker, http)
    if name == DATABASE:
        check, known_as = database.check, identity.of_database(settings.DATABASES["default"])
    else:
        check, known_as = import_string(figures.pop("check")), identity.of_url(figures.pop("url"))
    breaker = kind(
        name,
        **figures,
        check=check,
        classify=dependency.classify,
        errors=dependency.ERRORS,
        listeners=[LoggingListener(), MetricsListener()],
        cause_of=cause_of,
    )
    listeners.begin(name, breaker.state)
    if settings.REDIS_URL:
        _sharing().share(breaker, known_as)
    return breaker


def database_breaker() -> database.DatabaseBreaker:
    """The breaker of the database."""
    return cast(database.DatabaseBreaker, get(DATABASE))


@cache
def _sharing() -> Sharing:
    return Sharing(settings.REDIS_URL)


def all_breakers() -> list[Breaker]:
    """Every breaker of this project, in the order of the settings."""
    return [get(name) for name in settings.BREAKERS]
