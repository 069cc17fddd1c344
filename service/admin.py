"""What bounds the admin's pages: how long a search may be, and how many rows an action takes on.

Users, groups and tokens are registered again here, so that it holds for them too.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.forms import BooleanField
from django.http import HttpRequest, HttpResponse
from rest_framework.authtoken import admin as token_admin
from rest_framework.authtoken.models import TokenProxy

from resilience.circuit import Outcome
from resilience.database import ERRORS, classify

# Each word is a condition of its own on each searched column.
MAX_WORDS, MAX_CHARACTERS = 20, 200
MAX_CHOSEN = 1000  # rows
# Lookups of a list's URL that take long, as a regular expression may for ever, or fail in each row: what is no year.
REFUSED = frozenset({"regex", "iregex", "year", "iso_year"})


class _List(ChangeList):
    """A list whose URL may ask for what cannot be asked: a query that the database or its driver refuses."""

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except Exception as error:  # as Django does while it makes the query
            if isinstance(error, ERRORS) and classify(error) is not Outcome.SUCCESS:
                raise  # of the database, and not of what it was asked
            raise IncorrectLookupParameters(error) from error


class BoundedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A ModelAdmin whose searches and actions stay small, whatever is typed and chosen."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """None of REFUSED, whichever field it is of."""
        return REFUSED.isdisjoint(lookup.split("__")) and super().lookup_allowed(lookup, value, request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """A list that shows itself unfiltered where the lookups of its URL make no query."""
        return _List

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Nothing for a search that is too long, and a message that says so."""
        if len(search_term) > MAX_CHARACTERS or len(search_term.split()) > MAX_WORDS:
            if request.resolver_match and request.resolver_match.url_name != "autocomplete":  # which shows no messages
                text = f"Search for at most {MAX_WORDS} words and {MAX_CHARACTERS} characters."
                self.message_user(request, text, messages.ERROR)
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *rest: Any, **named: Any
    ) -> HttpResponse | None:
        """An action on all that were found takes on MAX_CHOSEN at most; what is ticked one by one is fewer anyway."""
        are_all = BooleanField(required=False).clean(request.POST.get("select_across"))
        if are_all and len(queryset.values_list("pk")[: MAX_CHOSEN + 1]) > MAX_CHOSEN:
            self.message_user(request, f"More than {MAX_CHOSEN} are chosen. Nothing was done.", messages.ERROR)
            return None
        return super().response_action(request, queryset, *rest, **named)


for model in (User, Group, TokenProxy):
    admin.site.unregister(model)


@admin.register(User)
class UserAdmin(BoundedAdmin, auth_admin.UserAdmin):  # type: ignore[type-arg]
    pass


@admin.register(Group)
class GroupAdmin(BoundedAdmin, auth_admin.GroupAdmin):
    pass


@admin.register(TokenProxy)
class TokenAdmin(BoundedAdmin, token_admin.TokenAdmin):
    pass
