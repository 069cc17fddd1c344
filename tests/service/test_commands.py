"""What a command says when the database cannot be used."""

import sys
from collections.abc import Callable
from pathlib import Path

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


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unprotected_queries")
@pytest.mark.parametrize(
    "command",
    [
        "seed_demo",
        "remove_demo",
        "delete_product PEN",
        "evaluate_recommendations",
        "export_catalogue export",
    ],
)
def test_a_lost_database_is_one_line(
    lose_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    lose_database()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["manage_recommender.py", *command.split()])
    with pytest.raises(SystemExit, match=r"^CommandError: the database cannot be used: [^\n]+$"):
        commands.execute("recommender_site.settings")
