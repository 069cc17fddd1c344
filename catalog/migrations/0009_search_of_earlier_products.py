"""Adds the products of earlier releases to the index of searches. Each batch is a transaction of its own, so that writers
go on."""

from importlib import import_module

from django.db import migrations, models

BATCH = 10_000  # products

_search = import_module("catalog.migrations.0008_search")
FILL = {
    "postgresql": """
        INSERT INTO catalog_search (product_id, document)
        SELECT id, catalog_document(title, brand, categories) FROM catalog_product WHERE id > %s AND id <= %s
        ON CONFLICT (product_id) DO NOTHING
    """,
    "sqlite": f"""
        {_search.INSERT} SELECT {_search.DOCUMENT.format(row="")} FROM catalog_product
        WHERE id > %s AND id <= %s AND id NOT IN (SELECT rowid FROM catalog_search)
    """,  # noqa: S608
}


def fill(apps, schema_editor):
    product = apps.get_model("catalog", "Product")
    last = product.objects.aggregate(last=models.Max("id"))["last"] or 0
    for first in range(0, last, BATCH):
        schema_editor.execute(FILL[schema_editor.connection.vendor], (first, first + BATCH))


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("catalog", "0008_search")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
