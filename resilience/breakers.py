"""The breakers of the running project, one for each entry of settings.BREAKERS."""

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS
from django.utils.module_loading import import_string

from resilience import http, identity
from resilience.breaker import Breaker
from resilience.causes import cause_of
from resilience.conf import conf
from resilience.database import DatabaseBreaker

if TYPE_CHECKING:
    from resilience.sharing import Sharing


@cache
def get(name: str) -> Breaker:
    """Return the breaker of this name. Raises KeyError for a name that settings.BREAKERS does not have."""
    options: dict[str, Any] = dict(conf.BREAKERS[name])
    options |= {"listeners": [import_string(path)() for path in conf.BREAKER_LISTENERS], "cause_of": cause_of}
    breaker: Breaker
    if alias := options.pop("database", None):
        dependency = identity.of_database(settings.DATABASES[alias])
        breaker = DatabaseBreaker(name, alias, **{"deadline": conf.DB_DEADLINE} | options)
    else:
        dependency = identity.of_url(options.pop("url"))
        check = import_string(options.pop("check")) if "check" in options else None
        breaker = Breaker(name, classify=http.classify, errors=http.ERRORS, check=check, **options)
    if conf.REDIS_URL:
        _sharing().share(breaker, dependency)
    return breaker


def guard_of(alias: str = DEFAULT_DB_ALIAS) -> str | None:
    """Return the name of the breaker that guards a database of settings.DATABASES, or None."""
    return next((name for name, options in conf.BREAKERS.items() if options.get("database") == alias), None)


def database_breaker(alias: str = DEFAULT_DB_ALIAS) -> DatabaseBreaker:
    """Return the breaker that guards a database of settings.DATABASES."""
    name = guard_of(alias)
    if name is None:
        raise ImproperlyConfigured(f"No entry of BREAKERS guards the database {alias!r}.")
    return cast(DatabaseBreaker, get(name))


@cache
def _sharing() -> "Sharing":
    from resilience.sharing import Sharing  # Redis is optional

    return Sharing(conf.REDIS_URL)


def all_breakers() -> list[Breaker]:
    """Return every breaker of the project, in the order of the settings."""
    return [get(name) for name in conf.BREAKERS]
