"""What the commands of both projects say alike."""

from django.core.management.base import CommandError
from django.db import Error


def unusable_database(error: Error) -> CommandError:
    """One line, without what the driver adds to it."""
    return CommandError(f"the database cannot be used: {str(error).strip().splitlines()[0]}")
