"""Reads settings from the environment. One that cannot be used ends the start with one line that names the variable."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
import psycopg2

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = environ.Env()
# `make run` keeps its SECRET_KEY here, so commands typed beside it find the key. The environment takes precedence.
if (VAR_DIR / "local.env").is_file():
    env.read_env(VAR_DIR / "local.env")


def setting(name: str, parse: Callable[..., Any], default: Any, valid: Callable[[Any], bool], expected: str) -> Any:
    """Return the parsed variable ``name``, or ``default``. The value is not echoed: it may hold a password."""
    try:
        with warnings.catch_warnings(action="ignore"):  # the line below says it all
            value = parse(name, default=default)
        usable = valid(value)
    except (ValueError, TypeError, KeyError, OSError, environ.ImproperlyConfigured, psycopg2.Error):
        usable = False
    if not usable:
        raise SystemExit(f"{name}: must be {expected}")
    return value


def switch(name: str) -> bool:
    words = {"": False, "0": False, "off": False, "false": False, "no": False}
    words |= {"1": True, "on": True, "true": True, "yes": True}
    expected = "one of on, off, true, false, yes, no, 1, 0"
    return words[setting(name, env.str, "", lambda word: word.lower() in words, expected).lower()]


def whole_number(name: str, default: int) -> int:
    number: int = setting(name, env.int, default, lambda n: 1 <= n <= 1000, "a whole number from 1 to 1000")
    return number


def seconds(name: str, default: float) -> float:
    # Not env.float: that drops letters, so that "1e9" would be 19 and "5 minutes" 5.
    def parse(name: str, default: float) -> float:
        return float(env.str(name, default=str(default)))

    number: float = setting(name, parse, default, lambda s: 0 < s <= 86400, "seconds, above 0 and at most 86400")
    return number


def number_like(default: Any, name: str, *, may_be_zero: bool, most: int) -> Any:
    """A number of the default's type, at most ``most``."""
    kind = type(default)

    def parse(name: str, default: Any) -> Any:
        return kind(env.str(name, default=str(default)))

    expected = (
        f"a {'whole ' if kind is int else ''}number, {'0 or above' if may_be_zero else 'above 0'}, at most {most}"
    )
    return setting(name, parse, default, lambda n: 0 <= n <= most and (n or may_be_zero), expected)


def is_http_url(text: str) -> bool:
    """Raises ValueError for an invalid port."""
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0


def http_url(name: str, default: str) -> str:
    url: str = setting(name, env.str, default, is_http_url, "an http(s) URL")
    return url.rstrip("/")


def is_redis_url(text: str) -> bool:
    """Empty counts as valid. Raises ValueError for an invalid port."""
    parts = urlsplit(text)
    return (
        not text
        or (parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0)
        or (parts.scheme == "unix" and bool(parts.path))
    )


def origins(name: str, default: list[str]) -> list[str]:
    found: list[str] = setting(
        name,
        env.list,
        default,
        lambda each: all(is_http_url(o) and o.count("/") == 2 for o in each),
        "comma-separated origins such as https://shop.example",
    )
    return found


def ensure_parent(file: str) -> bool:
    """Create the folder of ``file``. Raises OSError."""
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    return True
