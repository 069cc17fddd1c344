"""A first staff user for a new installation, with a password that nobody else has."""

import secrets
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Create the user admin with a random password, unless there is one. The password is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--password-file", type=Path, required=True, help="Where the password is kept.")

    def handle(self, *args: Any, password_file: Path, **options: Any) -> None:
        User = get_user_model()
        if User.objects.filter(username="admin").exists():
            return
        password = secrets.token_urlsafe(12)
        try:
            # Written first: a user whose password nobody knows would be worse than a file without a user.
            password_file.touch(mode=0o600)
            password_file.chmod(0o600)  # of a file that was there before
            password_file.write_text(password + "\n")
        except OSError as error:
            raise CommandError(f"cannot write {password_file}: {error.strerror}") from error
        User.objects.create_superuser("admin", password=password)
        self.stdout.write(f"Created the user admin. Password, shown this once and kept in {password_file}: {password}")
