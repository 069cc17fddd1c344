"""Saving forms while other processes write the same rows."""

from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponseRedirect

from campaigns.snapshot import served_within
from service.admin import BoundedAdmin


class SavingAdmin(BoundedAdmin):
    """A BoundedAdmin that reports a change between validation and saving instead of failing."""

    def say_when_served(self, request: HttpRequest) -> None:
        """Tell the user how long it takes until shoppers see changes of ads and targets."""
        self.message_user(request, f"Shoppers see this change within {served_within():g} seconds.")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except IntegrityError:  # a row changed after the form was validated
            self.message_user(
                request, "The data changed while you saved. Nothing was saved: try again.", messages.ERROR
            )
            return HttpResponseRedirect(request.get_full_path())
