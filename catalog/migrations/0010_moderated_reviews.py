"""Reviews have a state, and triggers that count and serve the published ones only; verified purchases, replies of the
shop and helpful votes. The release before this one can go on reading and writing.

The indexes are in 0011: made here, they would block readers for as long as the columns do. SQLite drops a table's
triggers when a later migration rebuilds the table; such a migration has to run ``create`` again."""

import importlib

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

earlier = importlib.import_module("catalog.migrations.0002_rating_triggers")

STATES = "CHECK (state IN ('pending', 'published', 'rejected'))"
COLUMNS = {
    "verified": "bool NOT NULL DEFAULT FALSE",
    "state": "varchar(9) NOT NULL DEFAULT 'published'",
    "reply": "text NOT NULL DEFAULT ''",
}

POSTGRESQL = """
CREATE OR REPLACE FUNCTION catalog_count_reviews() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE catalog_product p
        SET review_count = p.review_count + d.reviews, rating_total = p.rating_total + d.stars
        FROM (
            SELECT asin, count(*) AS reviews, sum(overall) AS stars FROM added WHERE state = 'published' GROUP BY asin
        ) d
        WHERE p.asin = d.asin;
    ELSIF TG_OP = 'DELETE' THEN
        UPDATE catalog_product p
        SET review_count = p.review_count - d.reviews, rating_total = p.rating_total - d.stars
        FROM (
            SELECT asin, count(*) AS reviews, sum(overall) AS stars FROM removed WHERE state = 'published' GROUP BY asin
        ) d
        WHERE p.asin = d.asin;
    ELSE
        UPDATE catalog_product p
        SET review_count = p.review_count + d.reviews, rating_total = p.rating_total + d.stars
        FROM (
            SELECT asin, sum(reviews) AS reviews, sum(stars) AS stars
            FROM (
                SELECT asin, 1 AS reviews, overall AS stars FROM added WHERE state = 'published'
                UNION ALL
                SELECT asin, -1, -overall FROM removed WHERE state = 'published'
            ) change
            GROUP BY asin
        ) d
        WHERE p.asin = d.asin AND (d.reviews <> 0 OR d.stars <> 0);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION catalog_note_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO catalog_withdrawal (asin, is_listed, in_stock, xid)
        VALUES ('review/' || OLD.id, NEW.state = 'published', NEW.state = 'published', txid_current())
        ON CONFLICT (asin)
        DO UPDATE SET is_listed = excluded.is_listed, in_stock = excluded.in_stock, xid = excluded.xid;
    ELSE
        INSERT INTO catalog_withdrawal (asin, is_listed, in_stock, xid)
        SELECT 'review/' || id, FALSE, FALSE, txid_current() FROM removed WHERE state = 'published'
        ON CONFLICT (asin)
        DO UPDATE SET is_listed = excluded.is_listed, in_stock = excluded.in_stock, xid = excluded.xid;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER catalog_review_withdrawn AFTER UPDATE OF state ON catalog_review FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND 'published' IN (OLD.state, NEW.state))
    EXECUTE FUNCTION catalog_note_review();
CREATE TRIGGER catalog_review_deleted AFTER DELETE ON catalog_review
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION catalog_note_review();
"""

_ADD = "review_count = review_count + (NEW.state = 'published'), rating_total = rating_total + NEW.overall * (NEW.state = 'published')"
_TAKE = "review_count = review_count - (OLD.state = 'published'), rating_total = rating_total - OLD.overall * (OLD.state = 'published')"
_NOTE = """
    INSERT INTO catalog_withdrawal (asin, is_listed, in_stock, xid)
    VALUES ('review/' || OLD.id, {state}, {state}, (SELECT coalesce(max(xid), 0) + 1 FROM catalog_withdrawal))
    ON CONFLICT (asin) DO UPDATE SET is_listed = excluded.is_listed, in_stock = excluded.in_stock, xid = excluded.xid;
"""
SQLITE = [
    f"""
    CREATE TRIGGER catalog_review_added AFTER INSERT ON catalog_review WHEN NEW.state = 'published' BEGIN
        UPDATE catalog_product SET {_ADD} WHERE asin = NEW.asin;
    END
    """,  # noqa: S608
    f"""
    CREATE TRIGGER catalog_review_removed AFTER DELETE ON catalog_review WHEN OLD.state = 'published' BEGIN
        UPDATE catalog_product SET {_TAKE} WHERE asin = OLD.asin;
        {_NOTE.format(state="0")}
    END
    """,  # noqa: S608
    f"""
    CREATE TRIGGER catalog_review_changed AFTER UPDATE OF asin, overall, state ON catalog_review
    WHEN OLD.asin <> NEW.asin OR OLD.overall <> NEW.overall OR OLD.state <> NEW.state BEGIN
        UPDATE catalog_product SET {_TAKE} WHERE asin = OLD.asin;
        UPDATE catalog_product SET {_ADD} WHERE asin = NEW.asin;
    END
    """,  # noqa: S608
    f"""
    CREATE TRIGGER catalog_review_withdrawn AFTER UPDATE OF state ON catalog_review
    WHEN OLD.state <> NEW.state AND 'published' IN (OLD.state, NEW.state)
    BEGIN {_NOTE.format(state="NEW.state = 'published'")} END
    """,
]

# The database deletes votes along with their review: no release has to know of them.
VOTES = """
CREATE TABLE catalog_helpfulvote (
    id {key},
    review_id bigint NOT NULL REFERENCES catalog_review (id) ON DELETE CASCADE,
    voter varchar(150) NOT NULL,
    CONSTRAINT helpful_vote_once UNIQUE (review_id, voter)
)
"""
KEYS = {
    "postgresql": "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    "sqlite": "integer NOT NULL PRIMARY KEY AUTOINCREMENT",
}


def add_columns(apps, schema_editor):
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    for name, kind in COLUMNS.items():
        # SQLite cannot add a constraint later. PostgreSQL would read the whole table to check what is the default.
        check = f" CONSTRAINT review_state_known {STATES}" if name == "state" and not on_postgresql else ""
        schema_editor.execute(f"ALTER TABLE catalog_review ADD COLUMN {name} {kind}{check}")
    if on_postgresql:
        schema_editor.execute(f"ALTER TABLE catalog_review ADD CONSTRAINT review_state_known {STATES} NOT VALID")


def drop_columns(apps, schema_editor):
    for name in COLUMNS:
        schema_editor.execute(f"ALTER TABLE catalog_review DROP COLUMN {name}")


def create_votes(apps, schema_editor):
    schema_editor.execute(VOTES.format(key=KEYS[schema_editor.connection.vendor]))


def drop_votes(apps, schema_editor):
    schema_editor.execute("DROP TABLE catalog_helpfulvote")


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
        return
    for name in earlier.NAMES:
        schema_editor.execute(f"DROP TRIGGER {name}")
    for trigger in SQLITE:
        schema_editor.execute(trigger)


def drop(apps, schema_editor):
    # The earlier triggers count every review, and the earlier release serves every one.
    schema_editor.execute("UPDATE catalog_review SET state = 'published' WHERE state <> 'published'")
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER catalog_review_withdrawn ON catalog_review")
        schema_editor.execute("DROP TRIGGER catalog_review_deleted ON catalog_review")
        schema_editor.execute("DROP FUNCTION catalog_note_review()")
        function, _, _ = earlier.POSTGRESQL.partition("CREATE TRIGGER")
        schema_editor.execute(function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"), params=None)
    else:
        for name in (*earlier.NAMES, "catalog_review_withdrawn"):
            schema_editor.execute(f"DROP TRIGGER {name}")
        earlier.create(apps, schema_editor)
    schema_editor.execute("DELETE FROM catalog_withdrawal WHERE asin LIKE 'review/%'", params=None)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0009_search_of_earlier_products")]

    operations = [
        # By hand: on SQLite AddField would rebuild the table, which its triggers do not allow.
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(add_columns, drop_columns)],
            state_operations=[
                migrations.AddField(
                    "review",
                    "verified",
                    models.BooleanField(
                        default=False, db_default=False, help_text="Whether the reviewer has bought the product."
                    ),
                ),
                migrations.AddField(
                    "review",
                    "state",
                    models.CharField(
                        max_length=9,
                        choices=[("pending", "Pending"), ("published", "Published"), ("rejected", "Rejected")],
                        default="published",
                        db_default="published",
                    ),
                ),
                migrations.AddField(
                    "review",
                    "reply",
                    models.TextField(
                        blank=True,
                        default="",
                        db_default="",
                        validators=[django.core.validators.MaxLengthValidator(100000)],
                        help_text="The shop's answer, which readers see below the review.",
                    ),
                ),
                migrations.AddConstraint(
                    "review",
                    models.CheckConstraint(
                        name="review_state_known",
                        condition=models.Q(state__in=["pending", "published", "rejected"]),
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create_votes, drop_votes)],
            state_operations=[
                migrations.CreateModel(
                    "HelpfulVote",
                    [
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("voter", models.CharField(max_length=150)),
                        (
                            "review",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="catalog.review",
                            ),
                        ),
                    ],
                    options={
                        "default_permissions": (),
                        "constraints": [models.UniqueConstraint(fields=("review", "voter"), name="helpful_vote_once")],
                    },
                )
            ],
        ),
        migrations.RunPython(create, drop),
    ]
