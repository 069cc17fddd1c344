"""Django's users and permissions, with limits on guessing passwords."""

import math
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.template.defaultfilters import pluralize

from accounts.addresses import address_of
from accounts.sign_in import ATTEMPT, Limits

limits = Limits(settings.HALF_OF_THREADS)


class GuardedModelBackend(ModelBackend):
    """ModelBackend with limits on guessing. Sessions store the path of this class: renaming it signs everybody out."""

    def authenticate(self, request: HttpRequest | None, username: str | None = None, **credentials: Any) -> Any:  # type: ignore[override]
        """Raise ValidationError, which the sign-in form shows, if the attempt is refused."""
        if request is None or username is None:
            return super().authenticate(request, username, **credentials)
        is_known = User.objects.filter(username=username).exists()
        attempt = request.META[ATTEMPT] = limits.attempt(address_of(request), username if is_known else "")
        if attempt.retry_after:
            seconds = math.ceil(attempt.retry_after)
            raise ValidationError(f"Too many sign-in attempts. Try again in {seconds} second{pluralize(seconds)}.")
        try:
            user = super().authenticate(request, username, **credentials)
            attempt.settle(user is not None)
        finally:
            attempt.end()
        return user
