"""Connecting to one of several hosts or addresses within one deadline.

libpq tries them in turn, but while psycopg2 polls, its ``connect_timeout`` is not in force: a first host that accepts
and says nothing would take all the time, for ever.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import psycopg2

from resilience import deadlines, postgres
from resilience.resolver import addresses


class Endpoint(NamedTuple):
    """One address of one host; what is empty is left to libpq."""

    host: str
    address: str
    port: str


_last_reached: dict[tuple[str, str], Endpoint] = {}  # by host and port as configured


def connect(
    connect_to: Callable[[dict[str, Any]], Any], params: dict[str, Any], default_deadline: float
) -> psycopg2.extensions.connection:
    """Return what ``connect_to`` makes of the first endpoint that takes the connection.

    Each endpoint gets an equal share of the time left, and no more than ``connect_timeout`` seconds where ``params``
    have one. The endpoint of the last success comes first. Raises psycopg2.Error.
    """
    limit = float(params.get("connect_timeout") or 0) or default_deadline
    try:
        with deadlines.within(deadlines.remaining(default_deadline)):
            return _connect_to_one(connect_to, params, limit)
    except deadlines.DeadlineExceeded as error:
        raise postgres.QueryDeadlineExceeded("the deadline passed before the connection") from error


def _connect_to_one(
    connect_to: Callable[[dict[str, Any]], Any], params: dict[str, Any], limit: float
) -> psycopg2.extensions.connection:
    configured = host, port = str(params.get("host", "")), str(params.get("port", ""))
    address = str(params.get("hostaddr", ""))
    # An address that is given already, there or in libpq's environment, is not looked up.
    is_given = address or "PGHOSTADDR" in os.environ
    found = [Endpoint(host, address, port)] if is_given else _endpoints(host, port)
    endpoints = sorted(found, key=lambda each: each != _last_reached.get(configured))
    for place, endpoint in enumerate(endpoints):
        left = deadlines.remaining() or 0.0
        try:
            with deadlines.within(min(limit, left / (len(endpoints) - place))):
                made: psycopg2.extensions.connection = connect_to(_addressed(params, endpoint))
        except psycopg2.Error:
            if place + 1 == len(endpoints):
                raise
        else:
            _last_reached[configured] = endpoint
            return made
    raise psycopg2.OperationalError("the host name has no address")


def _endpoints(hosts: str, ports: str) -> Iterator[Endpoint]:
    """All addresses of all hosts, in the order given. Raises psycopg2.OperationalError if no host is found.

    Half of the time left is for looking up names, so that one that hangs leaves time to connect.
    """
    each_host = hosts.split(",")
    each_port = ports.split(",") * len(each_host)  # one may be for all hosts
    share = (deadlines.remaining() or 0.0) / 2 / len(each_host)
    failure: OSError | None = None
    found = False
    for host, port in zip(each_host, each_port, strict=False):
        if not host or host.startswith(("/", "@")):
            found = True
            yield Endpoint(host, "", port)
            continue
        try:
            with deadlines.within(share):
                known = addresses(host.strip("[]"), port or None)
            for *_, address in known:
                found = True
                yield Endpoint(host.strip("[]"), str(address[0]), port)
        except OSError as error:
            failure = error
    if failure and not found:
        reason = str(failure) or "no answer in time"
        raise psycopg2.OperationalError(f"could not translate host name: {reason}") from failure


def _addressed(params: dict[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    others = {name: value for name, value in params.items() if name not in ("host", "port")}
    named = {"host": endpoint.host, "hostaddr": endpoint.address, "port": endpoint.port}
    return others | {name: value for name, value in named.items() if value}
