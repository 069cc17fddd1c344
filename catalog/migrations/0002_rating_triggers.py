"""Triggers that keep a product's review_count and rating_total equal to its reviews, whoever writes them: the API,
the admin, a bulk import or psql. SQLite drops a table's triggers when a later migration rebuilds the table; such a
migration has to run ``create`` again."""

from django.db import migrations

POSTGRESQL = """
CREATE FUNCTION catalog_count_reviews() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE catalog_product p
        SET review_count = p.review_count + d.reviews, rating_total = p.rating_total + d.stars
        FROM (SELECT asin, count(*) AS reviews, sum(overall) AS stars FROM added GROUP BY asin) d
        WHERE p.asin = d.asin;
    ELSIF TG_OP = 'DELETE' THEN
        UPDATE catalog_product p
        SET review_count = p.review_count - d.reviews, rating_total = p.rating_total - d.stars
        FROM (SELECT asin, count(*) AS reviews, sum(overall) AS stars FROM removed GROUP BY asin) d
        WHERE p.asin = d.asin;
    ELSE
        UPDATE catalog_product p
        SET review_count = p.review_count + d.reviews, rating_total = p.rating_total + d.stars
        FROM (
            SELECT asin, sum(reviews) AS reviews, sum(stars) AS stars
            FROM (
                SELECT asin, 1 AS reviews, overall AS stars FROM added
                UNION ALL
                SELECT asin, -1, -overall FROM removed
            ) change
            GROUP BY asin
        ) d
        WHERE p.asin = d.asin AND (d.reviews <> 0 OR d.stars <> 0);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER catalog_review_added AFTER INSERT ON catalog_review
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION catalog_count_reviews();
CREATE TRIGGER catalog_review_removed AFTER DELETE ON catalog_review
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION catalog_count_reviews();
CREATE TRIGGER catalog_review_changed AFTER UPDATE ON catalog_review
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION catalog_count_reviews();
"""

SQLITE = [
    """
    CREATE TRIGGER catalog_review_added AFTER INSERT ON catalog_review BEGIN
        UPDATE catalog_product SET review_count = review_count + 1, rating_total = rating_total + NEW.overall
        WHERE asin = NEW.asin;
    END
    """,
    """
    CREATE TRIGGER catalog_review_removed AFTER DELETE ON catalog_review BEGIN
        UPDATE catalog_product SET review_count = review_count - 1, rating_total = rating_total - OLD.overall
        WHERE asin = OLD.asin;
    END
    """,
    """
    CREATE TRIGGER catalog_review_changed AFTER UPDATE OF asin, overall ON catalog_review
    WHEN OLD.asin <> NEW.asin OR OLD.overall <> NEW.overall BEGIN
        UPDATE catalog_product SET review_count = review_count - 1, rating_total = rating_total - OLD.overall
        WHERE asin = OLD.asin;
        UPDATE catalog_product SET review_count = review_count + 1, rating_total = rating_total + NEW.overall
        WHERE asin = NEW.asin;
    END
    """,
]
NAMES = ["catalog_review_added", "catalog_review_removed", "catalog_review_changed"]


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
    else:
        for trigger in SQLITE:
            schema_editor.execute(trigger)


def drop(apps, schema_editor):
    on_table = " ON catalog_review" if schema_editor.connection.vendor == "postgresql" else ""
    for name in NAMES:
        schema_editor.execute(f"DROP TRIGGER {name}{on_table}")
    if on_table:
        schema_editor.execute("DROP FUNCTION catalog_count_reviews()")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
