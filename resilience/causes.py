"""Why a protected call failed, in words for operators.

They are published, so they come from fixed lists: never an address, a statement or the message of an exception.
"""

import errno
import http.client
import re
import socket
import sqlite3
import ssl

import psycopg2
import requests
import urllib3

from resilience import deadlines, postgres
from resilience.errors import chain
from resilience.http import BadAnswer, BodyTooLarge

SABOTAGE = "sabotage"
UNKNOWN = "unexpected error"
_LOST = "connection lost"
_NO_ANSWER = "no answer in time"
_REFUSED = "connection refused"
_NO_NAME = "name not found"
_NO_TLS = "no secure connection"
_READ_ONLY = "read-only"
_DISK_FULL = "disk full"
_LOCKED = "locked by somebody else"
_MISSING = "table or column missing"
_STARTING = "starting or shutting down"
TOO_MANY_CONNECTIONS = "too many connections"
_SIGN_IN = "sign-in refused"
_NO_DATABASE = "database missing"

# PostgreSQL's SQLSTATE, the longest prefix first: https://www.postgresql.org/docs/current/errcodes-appendix.html
_SQLSTATES = {
    "25006": _READ_ONLY,
    "25P03": _LOST,
    "3D000": _NO_DATABASE,
    "42501": "permission denied",
    "42703": _MISSING,
    "42P01": _MISSING,
    "53100": _DISK_FULL,
    "53200": "out of memory",
    "53300": TOO_MANY_CONNECTIONS,
    "55P03": _LOCKED,
    "57014": _NO_ANSWER,
    "57P01": _LOST,
    "57P02": _LOST,
    "57P03": _STARTING,
    "57P04": _NO_DATABASE,
    "57P05": _LOST,
    "08": _LOST,
    "28": _SIGN_IN,
    "40": _LOCKED,
    "53": "out of resources",
    "58": "system error of the server",
    "XX": "internal error of the server",
}
# A failure to connect has no SQLSTATE, only libpq's text.
_LIBPQ = [
    (re.compile(pattern, re.IGNORECASE), words)
    for pattern, words in (
        (r"could not translate host name", _NO_NAME),
        (r"too many (clients|connections)|connection slots|no more connections", TOO_MANY_CONNECTIONS),
        (r"(starting up|shutting down|recovery mode|not (yet )?accepting connections)", _STARTING),
        (r"(authentication failed|no pg_hba\.conf entry|no password supplied|role .* does not exist)", _SIGN_IN),
        (r"database .* does not exist", _NO_DATABASE),
        (r"session is read-only|is not (a )?primary|in hot standby", _READ_ONLY),
        (r"connection refused|could not connect|no such file or directory", _REFUSED),
        (r"timeout expired|timed out", _NO_ANSWER),
        (r"no route to host|network is unreachable|host is down", "not reachable"),
        (r"closed|reset by peer|terminat|broken pipe|no connection|lost synchronization|eof detected", _LOST),
        (r"ssl|certificate|tls", _NO_TLS),
    )
]
# https://www.sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_CANTOPEN: "file cannot be opened",
    sqlite3.SQLITE_CORRUPT: "file is damaged",
    sqlite3.SQLITE_FULL: _DISK_FULL,
    sqlite3.SQLITE_IOERR: "disk error",
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_NOMEM: "out of memory",
    sqlite3.SQLITE_NOTADB: "file is not a database",
    sqlite3.SQLITE_PERM: "permission denied",
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
}
_ERRNOS = {
    errno.ECONNREFUSED: _REFUSED,
    errno.ENOENT: _REFUSED,  # a Unix socket that is not there
    errno.ECONNRESET: _LOST,
    errno.ECONNABORTED: _LOST,
    errno.EPIPE: _LOST,
    errno.ETIMEDOUT: _NO_ANSWER,
    errno.EHOSTUNREACH: "not reachable",
    errno.ENETUNREACH: "not reachable",
    errno.EHOSTDOWN: "not reachable",
    errno.EADDRNOTAVAIL: "no local port free",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
    errno.ENOSPC: _DISK_FULL,
    errno.EACCES: "permission denied",
}
_KINDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((deadlines.DeadlineExceeded, postgres.QueryDeadlineExceeded), _NO_ANSWER),
    ((postgres.Unreadable,), "refused, in a text that is not UTF-8"),
    ((BodyTooLarge,), "not valid: the answer is too large"),
    ((socket.gaierror, urllib3.exceptions.NameResolutionError), _NO_NAME),
    ((ssl.SSLError, requests.exceptions.SSLError), _NO_TLS),
    ((http.client.RemoteDisconnected, http.client.IncompleteRead, EOFError), _LOST),
    ((http.client.HTTPException, urllib3.exceptions.DecodeError), "not valid: the answer is not HTTP"),
    ((TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError), _NO_ANSWER),
)


def cause_of(error: BaseException, deadline: float | None = None) -> str:
    """Return the cause of ``error``, which other exceptions may wrap. ``deadline`` is what the call had, in seconds."""
    words = next(filter(None, map(_words, chain(error))), UNKNOWN)
    return f"no answer within {deadline:g} s" if words == _NO_ANSWER and deadline else words


def _words(error: BaseException) -> str | None:
    if error.args == (SABOTAGE,):
        return SABOTAGE
    if isinstance(error, BadAnswer):
        return _bad_answer(error)
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"status {error.response.status_code:d}"
    for kinds, words in _KINDS:
        if isinstance(error, kinds):
            return words
    if isinstance(error, sqlite3.Error):
        return _sqlite(error)
    if isinstance(error, psycopg2.Error):
        return _postgres(error)
    return _ERRNOS.get(error.errno or 0) if isinstance(error, OSError) else None


def _bad_answer(error: BadAnswer) -> str:
    """A ValueError as the cause comes from the parser; without one the answer has the wrong shape."""
    return f"not valid: the answer {'is not JSON' if isinstance(error.__cause__, ValueError) else 'has another shape'}"


def _sqlite(error: sqlite3.Error) -> str | None:
    if str(error).startswith(("no such table", "no such column")):
        return _MISSING
    # The upper bits are the extended code.
    return _SQLITE.get(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF)


def _postgres(error: psycopg2.Error) -> str | None:
    if error.pgcode:
        return next((words for prefix, words in _SQLSTATES.items() if error.pgcode.startswith(prefix)), None)
    said = str(error)
    # Of several hosts the last one counts. Its part begins with its name.
    last = said[max(said.rfind("connection to server"), 0) :]
    return next((words for pattern, words in _LIBPQ if pattern.search(last)), None)
