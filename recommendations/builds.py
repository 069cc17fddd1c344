"""Which build is read: one at a time is made, one is active, and the one that was active before it is kept."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Max
from django.utils import timezone

from catalog.models import Product, Review
from recommendations.models import Build

_BUILD_LOCK = 1_397_706_321  # any number that nothing else locks


class Busy(Exception):
    """Another build is being made."""


class NoBuild(Exception):
    """There is no build to go back to."""


@contextmanager
def only_one() -> Iterator[None]:
    """Keeps others from building or switching meanwhile; whoever is killed lets go. Raises Busy."""
    if connection.vendor == "postgresql":
        # A transaction's lock, on a connection of its own: a session's lock would stay behind in a transaction pooler.
        guard = connection.copy()
        try:
            guard.set_autocommit(False)
            with guard.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_BUILD_LOCK])
                if not cursor.fetchone()[0]:
                    raise Busy
            yield
        finally:
            guard.close()
    else:
        database = Path(connection.settings_dict["NAME"]).resolve()
        with database.with_name(f"{database.name}.build-lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy from None
            yield


def source() -> dict[str, Any]:
    """What a build of now would be made of, as far as it tells whether a product or a review is new."""
    products = Product.objects.aggregate(count=Count("id"), newest=Max("id"))
    reviews = Review.objects.aggregate(count=Count("id"), newest=Max("id"))
    return {"products": products, "reviews": reviews}


def active() -> Build | None:
    """The build that is read."""
    return Build.objects.filter(is_active=True).first()


def newest() -> Build | None:
    """The one that was finished last."""
    return Build.objects.filter(finished_at__isnull=False).first()


def start(made_of: dict[str, Any]) -> Build:
    """A new build, and an end to what builds that were killed have left."""
    for leftover in Build.objects.filter(finished_at__isnull=True):
        leftover.delete()
    return Build.objects.create(source=made_of)


def publish(build: Build, figures: dict[str, Any]) -> None:
    """Have ``build`` read from now on; keep the one before it and no other."""
    before = active()
    build.figures, build.finished_at = figures, timezone.now()
    switch_to(build)
    for old in Build.objects.exclude(pk__in=[build.pk, before.pk if before else None]):
        old.delete()


def roll_back() -> Build:
    """Have the newest build before the active one read again. Raises NoBuild."""
    now = active()
    before = Build.objects.filter(finished_at__isnull=False, pk__lt=now.pk).first() if now else None
    if before is None:
        raise NoBuild
    switch_to(before)
    return before


def switch_to(build: Build) -> None:
    """Have ``build``, which is finished, read from now on."""
    with transaction.atomic():
        Build.objects.filter(is_active=True).update(is_active=False)
        build.is_active = True
        build.save(force_update=True)
