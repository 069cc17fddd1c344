"""Asins of up to 255 characters. PostgreSQL changes its catalogue only: AlterField would check the foreign key of all
reviews again. SQLite does not look at the length, and would lose the triggers of 0002 where its table is rebuilt."""

import django.core.validators
from django.db import migrations, models


def lengthen(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in ("catalog_product", "catalog_review"):
            schema_editor.execute(f"ALTER TABLE {table} ALTER COLUMN asin TYPE varchar(255)")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_one_set_of_rules")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(lengthen, migrations.RunPython.noop)],
            state_operations=[
                migrations.AlterField(
                    model_name="product",
                    name="asin",
                    field=models.CharField(
                        max_length=255,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^(?!\\.\\.?\\Z)[A-Za-z0-9._-]{1,255}\\Z",
                                "Not a valid value: an asin has 1 to 255 letters, digits, dots, dashes or underscores, and is not . or ..",
                            )
                        ],
                    ),
                )
            ],
        ),
    ]
