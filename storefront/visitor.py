"""Who looks at a page."""

from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest

from resilience.errors import DependencyUnavailable


class Visitor(NamedTuple):
    """``name`` is the user name of who is signed in, else empty. ``is_known`` is false for a visitor with a session
    while the database is down: they may be signed in."""

    name: str
    is_known: bool = True


def visitor_of(request: HttpRequest) -> Visitor:
    """The visitor. Two queries with a session, else none."""
    if not request.COOKIES.get(settings.SESSION_COOKIE_NAME):
        return Visitor("")
    try:
        return Visitor(request.user.get_username())  # empty for an anonymous one
    except DependencyUnavailable:
        return Visitor("", is_known=False)
