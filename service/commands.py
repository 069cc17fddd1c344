"""The entry point and the error messages of the commands of both projects."""

import os
import sys

from django.core.management import execute_from_command_line
from django.core.management.base import CommandError
from django.db import Error, InterfaceError, InternalError, OperationalError, ProgrammingError

# PostgreSQL reports a missing table as ProgrammingError, and a read-only server as InternalError.
UNUSABLE = (OperationalError, InterfaceError, ProgrammingError, InternalError)


def execute(settings_module: str) -> None:
    """Run the command in ``sys.argv``. If the database cannot be used, print one line and exit with 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module)
    try:
        execute_from_command_line(sys.argv)
    except UNUSABLE as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"CommandError: {unusable_database(error)}")


def unusable_database(error: Error) -> CommandError:
    """The first line of the driver's message."""
    return CommandError(f"the database cannot be used: {str(error).strip().splitlines()[0]}")
