"""Empties the database after a test that commits. Django's flush would empty every table and make all content types and
permissions again; here only the tables with rows are emptied, and those two are kept."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import TransactionTestCase

KEPT = {Permission._meta.db_table, ContentType._meta.db_table}  # post_migrate makes them, and nothing changes them


@contextmanager
def quick() -> Iterator[None]:
    """Empty databases this way within the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: empty())
        yield


def empty() -> None:
    """Delete all rows but those that a migrated database begins with."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    # The products before the reviews, whose triggers count for each product.
    tables = [connection.ops.quote_name(name) for name in sorted({*names} - KEPT)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in tables))
        for (name,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {name}")
