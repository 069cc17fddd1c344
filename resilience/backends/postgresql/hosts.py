"""Connects to one of several hosts or addresses within one deadline.

libpq tries them in turn, but ignores ``connect_timeout`` while psycopg2 polls: a first host that accepts and says
nothing would take all the time.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import psycopg2

from resilience import deadlines, postgres
from resilience.resolver import addresses


class Endpoint(NamedTuple):
    """One address of one host. libpq decides about empty fields."""

    host: str
    address: str
    port: str


_last_reached: dict[tuple[str, str], Endpoint] = {}  # by configured host and port


def connect(
    connect_to: Callable[[dict[str, Any]], Any], params: dict[str, Any], default_deadline: float
) -> psycopg2.extensions.connection:
    """Return the connection to the first endpoint that accepts one.

    Each endpoint gets an equal share of the time left, and at most the ``connect_timeout`` seconds of ``params``. The
    endpoint of the last success comes first. Raises psycopg2.Error.
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
    # An address in the parameters or in libpq's environment needs no lookup.
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
    """Yield all addresses of all hosts in the given order. Raises psycopg2.OperationalError if there are none.

    Lookups get half of the time left, so that one that hangs leaves time to connect.
    """
    each_host = hosts.split(",")
    each_port = ports.split(",") * len(each_host)  # one port may serve all hosts
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
