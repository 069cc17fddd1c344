"""The id of a request, in its response, in every log line and in the calls to other services."""

import random
import re
from contextvars import ContextVar

HEADER = "X-Request-ID"
SANE = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def new() -> str:
    """Return 32 hex digits."""
    return f"{random.getrandbits(128):032x}"


def begin(offered: str | None) -> str:
    """Adopt the client's id if it is SANE, else make one. Return the id in force."""
    request_id = offered if offered and SANE.fullmatch(offered) else new()
    adopt(request_id)
    return request_id


def adopt(request_id: str | None) -> None:
    """Make this the current id, such as in a thread that goes on with a request."""
    _current.set(request_id)


def current() -> str | None:
    """Return the id of the current request, or None outside of one."""
    return _current.get()
