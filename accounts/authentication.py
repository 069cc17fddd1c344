"""Who is calling the API.

During an outage nobody can be recognised. A reader is then served as anybody else; a writer gets 503, because
401 would be a lie.
"""

from typing import Any

from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from resilience.errors import DependencyUnavailable


class _Guarded:
    """Mixed in before one of DRF's ways of authentication."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        try:
            return super().authenticate(request)  # type: ignore[misc,no-any-return]
        except DependencyUnavailable:
            if request.method not in SAFE_METHODS:
                raise
            return None


class GuardedSessionAuthentication(_Guarded, SessionAuthentication):
    """Django's session cookie, with CSRF for writes."""


class GuardedTokenAuthentication(_Guarded, TokenAuthentication):
    """``Authorization: Token …``"""
