"""The client address of a request."""

import re
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

# Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711.
_WITH_PORT = re.compile(r"\[([0-9a-fA-F:.]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5}")


def address_of(request: HttpRequest) -> str:
    """The client's address. Of an IPv6 address it is the /64 network, which belongs to one client.

    Each of the TRUSTED_PROXIES appends its caller's address to X-Forwarded-For. Only these entries count: the client
    may have made up those before them.
    """
    peer: str = request.META.get("REMOTE_ADDR", "")
    proxies = settings.TRUSTED_PROXIES
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    text = hops[-proxies].strip() if 0 < proxies <= len(hops) else peer
    if named := _WITH_PORT.fullmatch(text):
        text = named[1] or named[2]
    try:
        address = ip_address(text)
    except ValueError:
        return peer
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return str(address)
