"""What a command says when the database cannot be used."""

import sys

import pytest
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError

from service import commands


@pytest.fixture(params=[OperationalError, InterfaceError, InternalError, ProgrammingError])
def failing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Exception]:
    error: type[Exception] = request.param

    def fail(argv: list[str]) -> None:
        raise error('relation "x" does not exist\nLINE 1: SELECT …\n')

    monkeypatch.setattr(commands, "execute_from_command_line", fail)
    monkeypatch.setattr(sys, "argv", ["manage.py", "rollup"])
    return error


def test_it_is_one_line(failing: type[Exception]) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.execute("any.settings")
    assert ended.value.code == 'CommandError: the database cannot be used: relation "x" does not exist'


def test_a_traceback_is_shown_on_request(failing: type[Exception]) -> None:
    sys.argv.append("--traceback")
    with pytest.raises(failing):
        commands.execute("any.settings")
