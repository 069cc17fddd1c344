"""Listed, in stock, and triggers that note each change of either and each deletion, whoever makes it: the API, the admin,
an import or psql. SQLite drops a table's triggers when a later migration rebuilds the table; such a migration has to run
``create`` again."""

from django.db import migrations, models
from django.db.models import F, Q

POSTGRESQL = """
CREATE FUNCTION catalog_note_withdrawal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_withdrawal (asin, is_listed, in_stock, xid)
    VALUES (
        OLD.asin,
        TG_OP <> 'DELETE' AND NEW.is_listed,
        TG_OP <> 'DELETE' AND NEW.in_stock,
        txid_current()
    )
    ON CONFLICT (asin) DO UPDATE SET is_listed = excluded.is_listed, in_stock = excluded.in_stock, xid = excluded.xid;
    RETURN NULL;
END $$;
CREATE TRIGGER catalog_product_withdrawn AFTER UPDATE OF is_listed, in_stock ON catalog_product FOR EACH ROW
    WHEN (OLD.is_listed <> NEW.is_listed OR OLD.in_stock <> NEW.in_stock)
    EXECUTE FUNCTION catalog_note_withdrawal();
CREATE TRIGGER catalog_product_deleted AFTER DELETE ON catalog_product FOR EACH ROW
    EXECUTE FUNCTION catalog_note_withdrawal();
"""

_NOTE = """
    INSERT INTO catalog_withdrawal (asin, is_listed, in_stock, xid)
    VALUES (OLD.asin, {is_listed}, {in_stock}, (SELECT coalesce(max(xid), 0) + 1 FROM catalog_withdrawal))
    ON CONFLICT (asin) DO UPDATE SET is_listed = excluded.is_listed, in_stock = excluded.in_stock, xid = excluded.xid;
"""
SQLITE = [
    f"""
    CREATE TRIGGER catalog_product_withdrawn AFTER UPDATE OF is_listed, in_stock ON catalog_product
    WHEN OLD.is_listed <> NEW.is_listed OR OLD.in_stock <> NEW.in_stock
    BEGIN {_NOTE.format(is_listed="NEW.is_listed", in_stock="NEW.in_stock")} END
    """,
    f"""
    CREATE TRIGGER catalog_product_deleted AFTER DELETE ON catalog_product
    BEGIN {_NOTE.format(is_listed="0", in_stock="0")} END
    """,
]
NAMES = ["catalog_product_withdrawn", "catalog_product_deleted"]


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
    else:
        for trigger in SQLITE:
            schema_editor.execute(trigger)


def drop(apps, schema_editor):
    on_table = " ON catalog_product" if schema_editor.connection.vendor == "postgresql" else ""
    for name in NAMES:
        schema_editor.execute(f"DROP TRIGGER {name}{on_table}")
    if on_table:
        schema_editor.execute("DROP FUNCTION catalog_note_withdrawal()")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_longer_asins")]

    operations = [
        migrations.RemoveIndex("product", "product_by_rating"),
        migrations.RemoveIndex("product", "product_by_category_rating"),
        # By hand: on SQLite AddField would rebuild the table, which the triggers of 0002 do not allow.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"ALTER TABLE catalog_product ADD COLUMN {name} bool NOT NULL DEFAULT TRUE",
                    f"ALTER TABLE catalog_product DROP COLUMN {name}",
                )
                for name in ("is_listed", "in_stock")
            ],
            state_operations=[
                migrations.AddField(
                    "product",
                    "is_listed",
                    models.BooleanField(
                        "listed",
                        default=True,
                        db_default=True,
                        help_text="Whether lists, recommendations and ads may show it.",
                    ),
                ),
                migrations.AddField(
                    "product",
                    "in_stock",
                    models.BooleanField(
                        default=True, db_default=True, help_text="Whether recommendations and ads may show it."
                    ),
                ),
            ],
        ),
        migrations.AddIndex("product", models.Index(fields=["id"], condition=Q(is_listed=True), name="product_listed")),
        migrations.AddIndex(
            "product",
            models.Index(
                *(F("is_listed"), F("in_stock"), F("smoothed_rating").desc(), F("id")), name="product_by_rating"
            ),
        ),
        migrations.AddIndex(
            "product",
            models.Index(
                *(F("leaf_category"), F("is_listed"), F("in_stock"), F("smoothed_rating").desc(), F("id")),
                name="product_by_category_rating",
            ),
        ),
        migrations.CreateModel(
            "Withdrawal",
            [
                ("asin", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("is_listed", models.BooleanField()),
                ("in_stock", models.BooleanField()),
                ("xid", models.BigIntegerField()),
            ],
            options={"indexes": [models.Index(fields=["xid", "asin"], name="withdrawal_by_xid")]},
        ),
        migrations.RunPython(create, drop),
    ]
