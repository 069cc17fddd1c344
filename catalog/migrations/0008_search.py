"""The index of words and categories that searches use, kept by triggers whoever writes a product: the API, the admin, an
import or psql; and the indexes of the other orders of products. SQLite drops a table's triggers when a later migration
rebuilds the table; such a migration has to run ``create`` again.

Titles weigh most (A), then brands and categories (B). Each category is one more word: its name in hexadecimal digits
between "c" and "0", which no language stems. PostgreSQL's text parser would take "0.7" or "a/b" for one word, and
SQLite's would not, so punctuation becomes spaces first.
"""

from django.db import migrations, models
from django.db.models import F

POSTGRESQL = r"""
CREATE TABLE catalog_search (product_id bigint PRIMARY KEY, document tsvector NOT NULL);
CREATE INDEX catalog_search_document ON catalog_search USING gin (document) WITH (fastupdate = off);
CREATE FUNCTION catalog_words(text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('english', regexp_replace($1, '[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+', ' ', 'g'))
$$;
CREATE FUNCTION catalog_document(title text, brand text, categories jsonb) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT setweight(catalog_words(title), 'A')
        || setweight(catalog_words(concat_ws(' ', brand, string_agg(name, ' '))), 'B')
        || to_tsvector('simple', coalesce(string_agg('c' || encode(convert_to(name, 'UTF8'), 'hex') || '0', ' '), ''))
    FROM jsonb_array_elements_text(CASE jsonb_typeof(categories) WHEN 'array' THEN categories ELSE '[]' END) AS name
$$;
CREATE FUNCTION catalog_index_product() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_search (product_id, document)
    VALUES (NEW.id, catalog_document(NEW.title, NEW.brand, NEW.categories))
    ON CONFLICT (product_id) DO UPDATE SET document = excluded.document;
    RETURN NULL;
END $$;
CREATE FUNCTION catalog_forget_product() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM catalog_search WHERE product_id = OLD.id;
    ELSE
        TRUNCATE catalog_search;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER catalog_product_found AFTER INSERT ON catalog_product FOR EACH ROW
    EXECUTE FUNCTION catalog_index_product();
CREATE TRIGGER catalog_product_found_anew AFTER UPDATE OF title, brand, categories ON catalog_product FOR EACH ROW
    WHEN (ROW(OLD.title, OLD.brand, OLD.categories) IS DISTINCT FROM ROW(NEW.title, NEW.brand, NEW.categories))
    EXECUTE FUNCTION catalog_index_product();
CREATE TRIGGER catalog_product_forgotten AFTER DELETE ON catalog_product FOR EACH ROW
    EXECUTE FUNCTION catalog_forget_product();
CREATE TRIGGER catalog_products_forgotten AFTER TRUNCATE ON catalog_product FOR EACH STATEMENT
    EXECUTE FUNCTION catalog_forget_product();
"""
DOCUMENT = """{row}id, {row}title, {row}brand || ' ' || (
    SELECT coalesce(group_concat(value, ' '), '') FROM json_each({row}categories)
), (SELECT coalesce(group_concat('c' || lower(hex(value)) || '0', ' '), '') FROM json_each({row}categories))"""
INSERT = "INSERT INTO catalog_search (rowid, title, brand, categories)"
SQLITE = [
    """
    CREATE VIRTUAL TABLE catalog_search USING fts5(
        title, brand, categories, tokenize = 'porter unicode61 remove_diacritics 0', prefix = '3'
    )
    """,
    f"""
    CREATE TRIGGER catalog_product_found AFTER INSERT ON catalog_product BEGIN
        {INSERT} SELECT {DOCUMENT.format(row="NEW.")};
    END
    """,
    f"""
    CREATE TRIGGER catalog_product_found_anew AFTER UPDATE OF title, brand, categories ON catalog_product
    WHEN OLD.title <> NEW.title OR OLD.brand <> NEW.brand OR OLD.categories <> NEW.categories BEGIN
        DELETE FROM catalog_search WHERE rowid = OLD.id;
        {INSERT} SELECT {DOCUMENT.format(row="NEW.")};
    END
    """,  # noqa: S608
    """
    CREATE TRIGGER catalog_product_forgotten AFTER DELETE ON catalog_product BEGIN
        DELETE FROM catalog_search WHERE rowid = OLD.id;
    END
    """,
]
TRIGGERS = ["catalog_product_found", "catalog_product_found_anew", "catalog_product_forgotten"]
FUNCTIONS = [
    "catalog_index_product()",
    "catalog_forget_product()",
    "catalog_document(text, text, jsonb)",
    "catalog_words(text)",
]

# Their expressions are those of catalog.search.orders. A product without a price comes last in both orders of price.
PRICES = {"product_by_price": "coalesce(price, 1000000000)", "product_by_price_down": "coalesce(price, -1)"}


def create(apps, schema_editor):
    for statement in [POSTGRESQL] if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def drop(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for name in TRIGGERS:
        schema_editor.execute(f"DROP TRIGGER {name}{' ON catalog_product' * is_postgresql}")
    if is_postgresql:
        schema_editor.execute("DROP TRIGGER catalog_products_forgotten ON catalog_product")
        for function in FUNCTIONS:
            schema_editor.execute(f"DROP FUNCTION {function}")
    schema_editor.execute("DROP TABLE catalog_search")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_availability")]

    operations = [
        migrations.RunPython(create, drop),
        migrations.AddIndex(
            "product",
            models.Index(*(F("is_listed"), F("smoothed_rating"), F("id")), name="product_listed_by_rating"),
        ),
        migrations.AddIndex(
            "product",
            models.Index(*(F("is_listed"), F("review_count"), F("id")), name="product_by_reviews"),
        ),
        *(
            migrations.RunSQL(
                f"CREATE INDEX {name} ON catalog_product (is_listed, ({column}), id)",
                f"DROP INDEX {name}",
            )
            for name, column in PRICES.items()
        ),
    ]
