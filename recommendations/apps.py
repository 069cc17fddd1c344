from django.apps import AppConfig


class RecommendationsConfig(AppConfig):
    name = "recommendations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from catalog.viewsets import ProductViewSet

        ProductViewSet.linked.append("similar")
