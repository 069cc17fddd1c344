"""Who may try a password, decided before it is looked at."""

import math
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from accounts.addresses import address_of
from accounts.sign_in import ATTEMPT, Attempt, Limits
from resilience import breakers
from resilience.errors import DependencyUnavailable

SIGN_IN_PAGES = {"admin:login", "rest_framework:login"}
_username = AuthenticationForm().fields["username"]  # so that both read the same name


class SignInMiddleware:
    """Makes the sign-in form of who has guessed too often a 429; the form itself says so (accounts.backends)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._limits = Limits(settings.HALF_OF_THREADS)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            response = self.get_response(request)
        finally:
            attempt: Attempt | None = request.META.get(ATTEMPT)
            if attempt:
                attempt.end()
        if attempt and attempt.retry_after and response.status_code == 200:
            response.status_code = 429
            response["Retry-After"] = str(math.ceil(attempt.retry_after))
        return response

    def process_view(self, request: HttpRequest, *view: Any) -> None:
        match = request.resolver_match
        if request.method != "POST" or match is None or match.view_name not in SIGN_IN_PAGES:
            return
        try:
            name = _username.clean(request.POST.get("username"))
            is_known = breakers.get(breakers.DATABASE).call(User.objects.filter(username=name).exists)
        except ValidationError:
            return  # the form finds out too, and looks at no password
        except DependencyUnavailable:
            request.META[ATTEMPT] = self._limits.refusal()
        else:
            request.META[ATTEMPT] = self._limits.attempt(address_of(request), name if is_known else "")
