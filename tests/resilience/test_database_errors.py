"""Outcomes of errors by SQLite's code, and without a code."""

import sqlite3

import psycopg2
import pytest
from django.db import DatabaseError, InterfaceError, OperationalError

from resilience import database
from resilience.circuit import Outcome
from resilience.errors import ExpectedError

SQLITE = {
    Outcome.FAILURE: {"CANTOPEN", "CORRUPT", "IOERR", "NOTADB", "PROTOCOL", "IOERR_READ", "CANTOPEN_ISDIR"},
    Outcome.NEUTRAL: {"BUSY", "FULL", "LOCKED", "READONLY", "BUSY_SNAPSHOT", "READONLY_DBMOVED"},
    Outcome.SUCCESS: {"ERROR", "CONSTRAINT", "CONSTRAINT_UNIQUE", "TOOBIG", "MISMATCH", "RANGE"},
}


@pytest.mark.parametrize(("outcome", "name"), [(each, name) for each in SQLITE for name in sorted(SQLITE[each])])
def test_sqlite_error_code_decides(outcome: Outcome, name: str) -> None:
    error, cause = DatabaseError(), sqlite3.OperationalError("oh")
    cause.sqlite_errorcode = getattr(sqlite3, f"SQLITE_{name}")
    error.__cause__ = cause
    assert database.classify(error) is outcome


def test_sqlite_error_without_a_code_is_a_success() -> None:
    error = DatabaseError()
    error.__cause__ = sqlite3.ProgrammingError("Incorrect number of bindings supplied")
    assert database.classify(error) is Outcome.SUCCESS


def test_errors_without_a_server() -> None:
    lost = OperationalError()
    lost.__cause__ = psycopg2.InterfaceError("connection already closed")
    assert database.classify(lost) is Outcome.SUSPECT
    assert database.classify(InterfaceError("of no driver")) is Outcome.FAILURE
    assert database.classify(DatabaseError("of no driver")) is Outcome.SUCCESS
    assert database.classify(ExpectedError()) is Outcome.SUCCESS


@pytest.mark.parametrize(
    "text",
    [
        "FATAL:  sorry, too many clients already",
        'FATAL:  too many connections for role "shop"',
        'FATAL:  too many connections for database "shop"',
        "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        "FATAL:  no more connections allowed (max_client_conn)",
    ],
)
def test_a_server_without_a_free_connection_is_no_failure_of_the_others(text: str) -> None:
    refused = OperationalError()
    refused.__cause__ = psycopg2.OperationalError(f'connection to server at "db", port 5432 failed: {text}')
    assert database.classify(refused) is Outcome.NEUTRAL
