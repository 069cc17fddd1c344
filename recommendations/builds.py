"""The builds: one runs at a time, readers use the active one, and the one before it is kept for a rollback."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.db import Error, connection, transaction
from django.db.models import Count, Max
from django.utils import timezone

from catalog.models import Product, Review, is_published
from recommendations.models import Build
from service import advisory_locks


class BuildRunning(Exception):
    """Another build is running."""


class NoBuild(Exception):
    """There is no build to roll back to."""


@contextmanager
def exclusive() -> Iterator[None]:
    """Lock out other builds and switches. The lock ends with the process. Raises BuildRunning."""
    if connection.vendor == "postgresql":
        # A transaction-level lock on a separate connection: a session-level lock would stay behind in a pooler.
        guard = connection.copy()
        try:
            guard.set_autocommit(False)
            with guard.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [advisory_locks.BUILD])
                if not cursor.fetchone()[0]:
                    raise BuildRunning
            yield
        finally:
            with suppress(Error):  # the server may be gone
                guard.rollback()  # frees the lock now: close() does not wait for the server
            guard.close()
    else:
        database = Path(connection.settings_dict["NAME"]).resolve()
        with database.with_name(f"{database.name}.build-lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BuildRunning from None
            yield


def source() -> dict[str, Any]:
    """Counts and latest ids of the data, which show whether a product or a review is new."""
    products = Product.objects.aggregate(count=Count("id"), newest=Max("id"))
    reviews = Review.objects.filter(is_published).aggregate(count=Count("id"), newest=Max("id"))
    return {"products": products, "reviews": reviews}


def active() -> Build | None:
    """The build that readers use."""
    return Build.objects.filter(is_active=True).first()


def newest() -> Build | None:
    """The build that finished last."""
    return Build.objects.filter(finished_at__isnull=False).first()


def start(made_of: dict[str, Any]) -> Build:
    """Create a build, and delete what killed builds have left."""
    for leftover in Build.objects.filter(finished_at__isnull=True):
        leftover.delete()
    return Build.objects.create(source=made_of)


def publish(build: Build, figures: dict[str, Any]) -> None:
    """Make ``build`` the active one. Keep the one before it and delete all others."""
    before = active()
    build.figures, build.finished_at = figures, timezone.now()
    switch_to(build)
    for old in Build.objects.exclude(pk__in=[build.pk, before.pk if before else None]):
        old.delete()


def roll_back() -> Build:
    """Make the newest build before the active one active again. Raises NoBuild."""
    now = active()
    before = Build.objects.filter(finished_at__isnull=False, pk__lt=now.pk).first() if now else None
    if before is None:
        raise NoBuild
    switch_to(before)
    return before


def switch_to(build: Build) -> None:
    """Make the finished ``build`` the active one."""
    with transaction.atomic():
        Build.objects.filter(is_active=True).update(is_active=False)
        build.is_active = True
        build.save(force_update=True)
