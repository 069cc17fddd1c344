from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_latest_of_reviewer")]

    operations = [
        migrations.AlterModelOptions(
            name="review",
            options={
                "ordering": ["id"],
                "permissions": [("post_for_others", "Can post reviews for others, and set their votes and times")],
            },
        ),
    ]
