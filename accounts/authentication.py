"""Authentication of API calls.

During an outage nobody can be authenticated. Reads are then anonymous. Writes are 503, because a 401 would say that the
credentials are wrong.
"""

from typing import Any

from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from resilience.errors import DependencyUnavailable


class _Guarded:
    """Mixin before one of DRF's authentication classes."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        try:
            return super().authenticate(request)  # type: ignore[misc,no-any-return]
        except DependencyUnavailable:
            if request.method not in SAFE_METHODS:
                raise
            return None


class CredentialsOnly:
    """Mixin before a DRF view whose reads may be anonymous."""

    def perform_authentication(self, request: Request) -> None:
        """Authenticate only requests with credentials: to find that there are none takes a tenth of a read's time."""
        if "HTTP_AUTHORIZATION" in request.META or "HTTP_COOKIE" in request.META:
            super().perform_authentication(request)  # type: ignore[misc]


class GuardedSessionAuthentication(_Guarded, SessionAuthentication):
    """Django's session cookie, with CSRF protection for writes."""


class GuardedTokenAuthentication(_Guarded, TokenAuthentication):
    """``Authorization: Token …``"""
