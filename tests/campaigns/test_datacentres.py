"""Clicks from datacentres are not billed."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from campaigns.datacentres import Networks, read
from campaigns.models import Campaign, Unbilled
from tests.campaigns import sponsors
from tests.campaigns.test_tracking import BROWSER, ask, path, see


def test_networks_of_both_kinds_are_found() -> None:
    networks = Networks(["192.0.2.0/25", "192.0.2.128/25", "198.51.100.7", "2001:db8::/32", "10.0.0.9/8"])
    for address in ("192.0.2.0", "192.0.2.255", "198.51.100.7", "2001:db8:ffff::1", "2001:db8:1::/64", "10.255.0.1"):
        assert address in networks
    for address in ("192.0.1.255", "192.0.3.0", "198.51.100.8", "2001:db9::", "::1", "", "a socket", "0.0.0.0"):
        assert address not in networks


def test_a_file_may_have_comments_and_blank_lines(tmp_path: Path) -> None:
    file = tmp_path / "networks"
    file.write_text("# cloud\n\n192.0.2.0/24  # west\n")
    assert "192.0.2.1" in read(str(file))
    assert "192.0.2.1" not in read("")


@pytest.mark.django_db
def test_a_click_from_a_datacentre_is_not_billed(client: Client, settings: Any) -> None:
    settings.ADS_DATACENTRES = Networks(["192.0.2.0/24"])
    sponsors.ad(sponsors.campaign(), "PEN", "category Pens")
    (shown,) = ask(client, categories=["Pens"])
    see(client, shown)
    click = path(shown["click_url"])
    assert client.get(click, headers=BROWSER, REMOTE_ADDR="192.0.2.9").status_code == 302
    assert Campaign.objects.get().spent == 0
    assert [(each.kind, each.reason) for each in Unbilled.objects.all()] == [("click", "robot")]
    client.get(click, headers=BROWSER)
    assert Campaign.objects.get().spent > 0
