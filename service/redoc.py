"""The API's documentation to read, beside Swagger's to try."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularRedocView
from rest_framework.request import Request
from rest_framework.response import Response

from service.middleware import policy_of

# Redoc loads its maker's logo from a network of theirs, which the project's policy for pictures would allow.
_POLICY = policy_of(settings.SECURE_CSP | {"img-src": ["'self'", "data:"]})


class RedocView(SpectacularRedocView):
    authentication_classes = ()
    permission_classes = ()
    http_method_names = ["get", "head"]
    template_name = "service/redoc.html"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response["Content-Security-Policy"] = _POLICY
        return response
