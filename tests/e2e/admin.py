"""A staff user of the shop under test, for programs and browsers."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.e2e.services import manage


@dataclass(frozen=True, slots=True)
class Admin:
    """``token`` is the Authorization header for programs."""

    password: str
    token: dict[str, str]

    @contextmanager
    def browser(self, url: str) -> Iterator[requests.Session]:
        """A browser that is signed in to this service."""
        with closing(requests.Session()) as session:
            login = f"{url}/accounts/login/"
            session.get(login, timeout=10)
            form = {"username": "admin", "password": self.password, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
            answer = session.post(login, data=form, allow_redirects=False, timeout=10)
            assert answer.status_code == 302
            yield session


def create_admin(folder: Path, **env: str) -> Admin:
    """Create the user with the project's commands and the settings ``env``."""
    file = folder / "password"
    manage("create_admin", f"--password-file={file}", **env)
    found = re.search(r"[0-9a-f]{40}", manage("drf_create_token", "admin", **env))
    assert found
    return Admin(file.read_text().strip(), {"Authorization": f"Token {found[0]}"})
