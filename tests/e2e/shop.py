"""The demo shop that most modules test."""

import atexit
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.e2e.admin import Admin, create_admin
from tests.e2e.services import Postgres, open_shop


@dataclass(frozen=True, slots=True)
class Template:
    """The data folder of a PostgreSQL with a demo shop, and the shop's staff user."""

    data: Path
    admin: Admin


@cache
def shop_template() -> Template:
    """Make the shop, once for all modules of this process."""
    server = Postgres()
    atexit.register(server.remove)
    open_shop(server.url)
    with tempfile.TemporaryDirectory() as folder:
        admin = create_admin(Path(folder), DATABASE_URL=server.url)
    server.stop()
    return Template(server.data, admin)
