"""Permissions of the API."""

from typing import Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from resilience.errors import DependencyUnavailable


class PermittedOrReadOnly(BasePermission):
    """Anybody may read. A write needs the permissions that the view names for the method.

    ``view.write_permissions`` maps each writing method to names such as ``catalog.add_product``. DRF's
    DjangoModelPermissions does the same for views with a queryset, which ours do not have.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        method = request.method or ""
        if method in SAFE_METHODS:
            return True
        if method not in view.write_permissions:
            raise MethodNotAllowed(method)
        needed = view.write_permissions[method]
        self.message = f"You need the permission {' and '.join(needed)}."
        try:
            return bool(request.user.has_perms(needed))
        except DependencyUnavailable:
            if request._request.method in SAFE_METHODS:  # the browsable API asks which forms to show; it shows none
                return False
            raise
