"""Django's users and permissions, every query through the database breaker."""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from resilience import breakers


class GuardedModelBackend(ModelBackend):
    """Raises DependencyUnavailable where the database cannot be used."""

    def authenticate(self, *args: Any, **kwargs: Any) -> Any:
        return breakers.get(breakers.DATABASE).call(super().authenticate, *args, **kwargs)

    def get_user(self, user_id: Any) -> Any:
        return breakers.get(breakers.DATABASE).call(super().get_user, user_id)

    def _get_permissions(self, *args: Any, **kwargs: Any) -> Any:
        return breakers.get(breakers.DATABASE).call(super()._get_permissions, *args, **kwargs)  # type: ignore[misc]
