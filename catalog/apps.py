from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from catalog.withdrawals import withdrawals
        from service.background import keep_running

        keep_running("withdrawals", withdrawals.run)
