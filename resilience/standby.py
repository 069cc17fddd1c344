"""The standby: a second database, which answers reads while the default one cannot be used.

It is a replica, or an SQLite file that is replaced from time to time. Inside ``in_place`` it takes the place of the
default database in this thread, for the ORM and for raw cursors alike. So the same functions read from either, and code
that asks ``connection.vendor`` is told that of the database in use.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar, cast

from django.core.exceptions import ObjectDoesNotExist
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from resilience import breakers, scope
from resilience.backends.protection import ProtectedWrapper
from resilience.conf import conf
from resilience.errors import DependencyUnavailable, ExpectedError

T = TypeVar("T")

logger = logging.getLogger(__name__)


class TooOld(ExpectedError):
    """There is no standby, or it is too old to be served."""


class Found(NamedTuple):
    """An answer of the standby, and the seconds since it was true."""

    answer: Any
    age: float


def is_in_use() -> bool:
    """Whether this thread's queries of the default database go to the standby now."""
    return connections[DEFAULT_DB_ALIAS].alias == conf.STANDBY_DATABASE


@contextmanager
def in_place(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Inside, this thread's queries of the default database go to ``connection``."""
    own = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = connection
    try:
        # What happens inside says nothing about the default database.
        with scope.inside(breakers.database_breaker().name):
            yield
    finally:
        connections[DEFAULT_DB_ALIAS] = own


def read(func: Callable[[], T], *, fresher_than: float = float("inf")) -> Found | None:
    """Call ``func`` with the standby in place of the default database.

    Return None if there is no standby, if it cannot be used, if its data are older than STALE_MAX_AGE or not
    ``fresher_than`` so many seconds, or if it does not have what is asked for: that may be new.
    """
    if not conf.STANDBY_DATABASE or is_in_use():
        return None

    def ask() -> Found:
        connection = cast(ProtectedWrapper, connections[conf.STANDBY_DATABASE])
        age = connection.age()
        if age is None or age > conf.STALE_MAX_AGE or age >= fresher_than:
            raise TooOld
        with in_place(connection):
            return Found(func(), age)

    try:
        return breakers.database_breaker(conf.STANDBY_DATABASE).call(ask)
    except (DependencyUnavailable, ExpectedError, ObjectDoesNotExist):
        return None
    except Error:  # a statement that this database does not take; readers get an answer all the same
        logger.exception("the standby refuses a read")
        return None
