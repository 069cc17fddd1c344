"""Create the first superuser of a new installation with a random password."""

import secrets
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Create the user admin with a random password, unless that user exists. The password is shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--password-file", type=Path, required=True, help="File to keep the password in.")

    def handle(self, *args: Any, password_file: Path, **options: Any) -> None:
        User = get_user_model()
        if User.objects.filter(username="admin").exists():
            return
        password = secrets.token_urlsafe(12)
        try:
            # The file first: a file without a user is better than a user whose password nobody knows.
            password_file.touch(mode=0o600)
            password_file.chmod(0o600)  # for a file that existed before
            password_file.write_text(password + "\n")
        except OSError as error:
            raise CommandError(f"cannot write {password_file}: {error.strerror}") from error
        User.objects.create_superuser("admin", password=password)
        self.stdout.write(f"Created the user admin. Password, shown once and kept in {password_file}: {password}")
