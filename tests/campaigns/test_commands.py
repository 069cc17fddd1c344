"""What the commands of campaigns have in common."""

import sys
from collections.abc import Callable

import pytest

from service.commands import execute


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unprotected_queries")
@pytest.mark.parametrize("command", ["reconcile", "remove_demo", "rollup", "seed_campaigns"])
def test_a_lost_database_is_one_line(
    lose_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    lose_database()
    monkeypatch.setattr(sys, "argv", ["manage_ad_provider.py", command])
    with pytest.raises(SystemExit, match=r"^CommandError: the database cannot be used: [^\n]+$"):
        execute("ad_provider_site.settings")
