"""Limits on the admin's pages: the length of a search, and the number of rows that are counted or chosen.

This module registers users, groups and tokens again, so that the limits hold for them too.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group, User
from django.core.exceptions import BadRequest, ObjectDoesNotExist, ValidationError
from django.core.paginator import Paginator
from django.db import DatabaseError, DataError, IntegrityError
from django.db.models import QuerySet
from django.forms import BooleanField
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from rest_framework.authtoken import admin as token_admin
from rest_framework.authtoken.models import TokenProxy

from resilience.circuit import Outcome
from resilience.database import ERRORS, classify

# Each word of a search adds a condition on each searched column.
MAX_WORDS, MAX_CHARACTERS = 20, 200
MAX_CHOSEN = 1000  # rows
COUNTED = 10_000  # rows that a list counts at most
# Lookups in a list's URL that are refused: a regular expression may run for ever, and a bad year fails in each row.
REFUSED = frozenset({"regex", "iregex", "year", "iso_year"})


@contextmanager
def _bad_values_are_bad_requests() -> Iterator[None]:
    """Refuse numbers that are out of range, JSON that is too deep, and text that is not Unicode."""
    try:
        yield
    except (OverflowError, RecursionError, UnicodeEncodeError, DataError) as error:
        raise BadRequest("A value of the form cannot be used.") from error


class MoreThan(int):
    """The number of rows that were counted, of more; pages show it as ``more than 10,000``."""

    def __str__(self) -> str:
        return f"more than {int(self):,}"


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts up to COUNTED rows: count(*) over a million rows takes longer than the page."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        number = len(rows.values_list("pk")[: COUNTED + 1])
        return number if number <= COUNTED else MoreThan(COUNTED)


class _List(ChangeList):
    """A list that treats a query that the database or its driver refuses as a bad lookup in its URL."""

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except Exception as error:  # as broad as Django's own handler around the query
            if isinstance(error, ERRORS) and classify(error) is not Outcome.SUCCESS:
                raise  # the database failed; the lookup is not the cause
            raise IncorrectLookupParameters(error) from error

    @property
    def has_unlisted_rows(self) -> bool:
        """Whether this is the last page, but not the end of the rows."""
        return isinstance(self.result_count, MoreThan) and self.page_num == self.paginator.num_pages

    @property
    def listed(self) -> str:
        """The number of rows on all pages."""
        return f"{int(self.result_count):,}"


class _Autocomplete(AutocompleteSelect):
    """A choice that can be shown again with what cannot be a key, which Django would query for."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> list[Any]:
        return super().optgroups(name, [each for each in value if self._can_be_key(each)], attr)

    def _can_be_key(self, value: str) -> bool:
        try:
            self.field.target_field.clean(value, None)
        except ValidationError:
            return False
        return True


class BoundedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A ModelAdmin with limits on lookups, searches, actions and the values of forms, and with narrower lists."""

    change_list_template = "service/change_list.html"

    class Media:
        css = {"all": ["service/admin.css"]}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        with _bad_values_are_bad_requests():
            return super().changelist_view(request, extra_context)

    def changeform_view(self, request: HttpRequest, *rest: Any, **named: Any) -> HttpResponse:
        """Show or save a form. If somebody else changes the same meanwhile, validate the form once more."""
        with _bad_values_are_bad_requests():
            try:
                return super().changeform_view(request, *rest, **named)
            except (IntegrityError, ObjectDoesNotExist):
                pass
            except DatabaseError as error:
                if error.__cause__:  # else Django found the row gone
                    raise
            return super().changeform_view(request, *rest, **named)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.autocomplete_fields:
            kwargs.setdefault("widget", _Autocomplete(db_field, self.admin_site, using=kwargs.get("using")))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse the lookups in REFUSED on every field."""
        return REFUSED.isdisjoint(lookup.split("__")) and super().lookup_allowed(lookup, value, request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return a list that is shown unfiltered if the lookups of its URL are not valid."""
        return _List

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return no rows and show a message if the search is too long."""
        if len(search_term) > MAX_CHARACTERS or len(search_term.split()) > MAX_WORDS:
            if request.resolver_match and request.resolver_match.url_name != "autocomplete":  # which shows no messages
                text = f"Search for at most {MAX_WORDS} words and {MAX_CHARACTERS} characters."
                self.message_user(request, text, messages.ERROR)
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *rest: Any, **named: Any
    ) -> HttpResponse | None:
        """Refuse an action on more than MAX_CHOSEN rows, which only "select all" can reach, or on what is no row."""
        try:
            for each in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.to_python(each)
        except ValidationError as error:
            raise BadRequest("A chosen row cannot be one.") from error
        are_all = BooleanField(required=False).clean(request.POST.get("select_across"))
        if are_all and len(queryset.values_list("pk")[: MAX_CHOSEN + 1]) > MAX_CHOSEN:
            self.message_user(request, f"More than {MAX_CHOSEN} rows are selected. Nothing was done.", messages.ERROR)
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
