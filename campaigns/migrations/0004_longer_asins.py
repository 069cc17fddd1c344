"""Asins of up to 255 characters, as the catalogue has them."""

from django.db import migrations


def lengthen(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":  # SQLite does not look at the length
        schema_editor.execute("ALTER TABLE campaigns_sponsoredproduct ALTER COLUMN asin TYPE varchar(255)")


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0003_click_evidence"), ("catalog", "0006_longer_asins")]
    operations = [migrations.RunPython(lengthen, migrations.RunPython.noop)]
