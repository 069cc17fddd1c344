from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("catalog", "")]

    operations = [
        migrations.AlterModelOptions(
            name="review",
            options={
                "ordering": ["id"],
                "permissions": [("post_for_others", "Can post reviews for others, and set their votes and times")],
            },
        ),
    ]
