"""The client address, with and without proxies."""

from typing import Any

import pytest
from django.test import RequestFactory

from accounts.addresses import address_of

CLIENT, PROXY, OURS = "203.0.113.7", "198.51.100.1", "10.0.0.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, None, OURS),
        (0, CLIENT, OURS),
        (1, CLIENT, CLIENT),
        (1, f"made up, {CLIENT}", CLIENT),
        (1, f"{CLIENT},  {PROXY} ", PROXY),
        (2, f"1.1.1.1, {CLIENT}, {PROXY}", CLIENT),
        (2, PROXY, OURS),  # past one of them
        (1, None, OURS),
        (1, "", OURS),
        (1, "unknown", OURS),
        (1, "x" * 5000, OURS),
        (1, f"{CLIENT}:4711", CLIENT),  # as Azure's gateways write it
        (1, "[2001:db8:1:2::9]:4711", "2001:db8:1:2::/64"),
        (1, "[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        (1, f"{CLIENT}:x", OURS),
        (1, f"{CLIENT}:1:2", OURS),
    ],
)
def test_only_entries_of_our_proxies_in_x_forwarded_for_count(
    rf: RequestFactory, settings: Any, proxies: int, forwarded: str | None, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert address_of(rf.get("/", headers=headers, REMOTE_ADDR=OURS)) == address


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", CLIENT),
        ("", ""),
    ],
)
def test_an_ipv6_client_is_its_network(rf: RequestFactory, peer: str, address: str) -> None:
    assert address_of(rf.get("/", REMOTE_ADDR=peer)) == address
