from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_rating_triggers")]

    operations = [
        migrations.AlterModelOptions(
            name="review",
            options={
                "ordering": ["id"],
                "permissions": [("post_for_others", "Can post reviews for others, and set their votes and times")],
            },
        ),
    ]
