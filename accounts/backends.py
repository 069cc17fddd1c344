"""Django's users and permissions, every query through the database breaker."""

import math
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.template.defaultfilters import pluralize

from accounts.sign_in import ATTEMPT
from resilience import breakers


class GuardedModelBackend(ModelBackend):
    """Raises DependencyUnavailable where the database cannot be used."""

    def authenticate(self, request: HttpRequest | None, *args: Any, **kwargs: Any) -> Any:
        """Raises ValidationError, for the sign-in form, where SignInMiddleware refuses the attempt."""
        attempt = request.META.get(ATTEMPT) if request else None
        if attempt and attempt.retry_after:
            seconds = math.ceil(attempt.retry_after)
            raise ValidationError(
                f"Too many sign-ins have failed or are under way. Try again in {seconds} second{pluralize(seconds)}."
            )
        user = breakers.get(breakers.DATABASE).call(super().authenticate, request, *args, **kwargs)
        if attempt:
            attempt.settle(user is not None)
        return user

    def get_user(self, user_id: Any) -> Any:
        return breakers.get(breakers.DATABASE).call(super().get_user, user_id)

    def _get_permissions(self, *args: Any, **kwargs: Any) -> Any:
        return breakers.get(breakers.DATABASE).call(super()._get_permissions, *args, **kwargs)  # type: ignore[misc]
