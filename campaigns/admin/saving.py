"""What a form says when something has changed between its check and its saving."""

from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponseRedirect

from campaigns.snapshot import served_within
from service.admin import BoundedAdmin


class SavingAdmin(BoundedAdmin):
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
        except IntegrityError:  # what was true when the form was validated is not any more
            self.message_user(
                request, "Something else changed meanwhile. Nothing was saved: try again.", messages.ERROR
            )
            return HttpResponseRedirect(request.get_full_path())
