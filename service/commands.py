"""What the commands of both projects say alike."""

import os
import sys

from django.core.management import execute_from_command_line
from django.core.management.base import CommandError
from django.db import Error, InterfaceError, OperationalError


def execute(settings_module: str) -> None:
    """Run the command of ``sys.argv``. A database that cannot be used is one line and exit 1, whatever the command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module)
    try:
        execute_from_command_line(sys.argv)
    except (OperationalError, InterfaceError) as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"CommandError: {unusable_database(error)}")


def unusable_database(error: Error) -> CommandError:
    """One line, without what the driver adds to it."""
    return CommandError(f"the database cannot be used: {str(error).strip().splitlines()[0]}")
