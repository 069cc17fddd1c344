"""The id under which one request is found again in every log line and in the services it calls."""

import random
import re
from contextvars import ContextVar

HEADER = "X-Request-ID"
SANE = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def new() -> str:
    """32 hex digits."""
    return f"{random.getrandbits(128):032x}"


def begin(offered: str | None) -> str:
    """Adopt the caller's id if it is short and printable, else make one; returns the id in force."""
    request_id = offered if offered and SANE.fullmatch(offered) else new()
    _current.set(request_id)
    return request_id


def current() -> str | None:
    """The id of the request being served, or None outside of one."""
    return _current.get()
