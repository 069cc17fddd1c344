"""The status of a refused sign-in."""

import math
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.sign_in import ATTEMPT, Attempt


class SignInMiddleware:
    """Makes the response to a refused attempt a 429. The form in it has the message."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        attempt: Attempt | None = request.META.get(ATTEMPT)
        if attempt and attempt.retry_after and response.status_code == 200:
            response.status_code = 429
            response["Retry-After"] = str(math.ceil(attempt.retry_after))
        return response
