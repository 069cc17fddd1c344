"""Hosts and addresses of a connection, and the time for each."""

import socket
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest

from resilience import deadlines, postgres, resolver
from resilience.backends.postgresql import hosts
from tests.resilience.doubles import Clock

DEADLINE = 6.0


class Network:
    """Names and addresses, the outcome of connecting to each, and the time that each got."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.names: dict[str, list[str] | OSError] = {"one": ["10.0.0.1"], "two": ["10.0.0.2", "10.0.0.3"], "none": []}
        self.refusing: set[str] = set()
        self.mute: set[str] = set()
        self.asked_for: list[tuple[str, object, float | None]] = []
        self.tried: list[tuple[str, float | None]] = []
        self.params: dict[str, Any] = {}

    def addresses(self, host: str, port: object) -> list[Any]:
        self.asked_for.append((host, port, deadlines.remaining()))
        found = self.names.get(host, socket.gaierror(f"{host} is not known"))
        if isinstance(found, OSError):
            raise found
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    def connect_to(self, params: dict[str, Any]) -> str:
        self.params = params
        address = str(params.get("hostaddr") or params.get("host", ""))
        self.tried.append((address, deadlines.remaining()))
        if address in self.mute:
            self.clock.now += deadlines.remaining() or 0
            raise postgres.QueryDeadlineExceeded("mute")
        if address in self.refusing:
            raise psycopg2.OperationalError(f"{address} refuses")
        return address


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network(Clock())
    monkeypatch.setattr(deadlines, "time", SimpleNamespace(monotonic=network.clock))
    monkeypatch.setattr(hosts, "addresses", network.addresses)
    monkeypatch.setattr(hosts, "_last_reached", {})
    monkeypatch.delenv("PGHOSTADDR", raising=False)
    return network


def connect(network: Network, **params: Any) -> Any:
    return hosts.connect(network.connect_to, params, DEADLINE)


def addresses_tried(network: Network) -> list[str]:
    tried = [address for address, _ in network.tried]
    network.tried.clear()
    return tried


def test_other_parameters_are_kept(network: Network) -> None:
    assert connect(network, host="one", port=5433, dbname="shop") == "10.0.0.1"
    assert network.params == {"host": "one", "hostaddr": "10.0.0.1", "port": "5433", "dbname": "shop"}
    assert network.asked_for[0][:2] == ("one", "5433")


def test_missing_parameters_are_left_to_libpq(network: Network) -> None:
    assert connect(network, dbname="shop") == ""
    assert network.params == {"dbname": "shop"}
    connect(network, host="one")
    assert network.params == {"host": "one", "hostaddr": "10.0.0.1"}
    assert [(host, port) for host, port, _ in network.asked_for] == [("one", None)]


def test_each_address_has_an_equal_share_of_the_time_left(network: Network) -> None:
    network.refusing, network.mute = {"10.0.0.1"}, {"10.0.0.2"}
    assert connect(network, host="one,two") == "10.0.0.3"
    # The first refuses at once, so the other two share the time.
    assert network.tried == [("10.0.0.1", 2), ("10.0.0.2", 3), ("10.0.0.3", 3)]


def test_addresses_share_the_deadline_of_the_call(network: Network) -> None:
    with deadlines.within(4):
        connect(network, host="two")
    assert network.tried == [("10.0.0.2", 2)]


@pytest.mark.parametrize(("connect_timeout", "seconds"), [("1", 1), (2, 2), ("60", 3), ("0", 3), (None, 3)])
def test_connect_timeout_bounds_each_address(connect_timeout: object, seconds: float, network: Network) -> None:
    network.refusing = {"10.0.0.2"}
    connect(network, host="two", connect_timeout=connect_timeout)
    assert network.tried[0] == ("10.0.0.2", seconds)


def test_without_connect_timeout_the_default_deadline_bounds_each_address(network: Network) -> None:
    with deadlines.within(600):
        connect(network, host="one")
    assert network.tried == [("10.0.0.1", DEADLINE)]


def test_address_of_the_last_success_comes_first(network: Network) -> None:
    network.refusing = {"10.0.0.1", "10.0.0.2"}
    connect(network, host="one,two")
    assert addresses_tried(network) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    network.refusing = set()
    connect(network, host="one,two")
    assert addresses_tried(network) == ["10.0.0.3"]
    network.refusing = {"10.0.0.3"}
    connect(network, host="one,two")
    assert addresses_tried(network) == ["10.0.0.3", "10.0.0.1"]
    connect(network, host="one,two")
    assert addresses_tried(network) == ["10.0.0.1"]


@pytest.mark.parametrize("other", [{"host": "two,one", "port": "1"}, {"host": "one,two", "port": "2"}])
def test_last_success_is_kept_for_each_database(other: dict[str, str], network: Network) -> None:
    network.refusing = {"10.0.0.1", "10.0.0.2"}
    connect(network, host="one,two", port="1")
    network.refusing = set()
    addresses_tried(network)
    connect(network, **other)
    assert addresses_tried(network) == ["10.0.0.2" if other["host"] == "two,one" else "10.0.0.1"]


def test_error_of_the_last_address_is_raised(network: Network) -> None:
    network.refusing = {"10.0.0.1", "10.0.0.2", "10.0.0.3"}
    with pytest.raises(psycopg2.OperationalError, match=r"10\.0\.0\.3 refuses"):
        connect(network, host="one,two")
    assert addresses_tried(network) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_bug_does_not_lead_to_the_next_address(network: Network) -> None:
    def connect_to(params: dict[str, Any]) -> None:
        network.tried.append((params["hostaddr"], None))
        raise TypeError

    with pytest.raises(TypeError):
        hosts.connect(connect_to, {"host": "two"}, DEADLINE)
    assert addresses_tried(network) == ["10.0.0.2"]


def test_exceeded_deadline_is_a_database_error(network: Network) -> None:
    def connect_to(params: dict[str, Any]) -> None:
        network.clock.now += 60
        raise psycopg2.OperationalError

    with pytest.raises(postgres.QueryDeadlineExceeded), deadlines.within(4):
        hosts.connect(connect_to, {"host": "two"}, DEADLINE)


@pytest.mark.parametrize(
    ("ports", "expected"),
    [("5433,5434", ["5433", "5434"]), ("5433", ["5433", "5433"]), ("", [None, None])],
)
def test_hosts_have_their_own_ports_or_share_one(ports: str, expected: list[str | None], network: Network) -> None:
    network.refusing = {"10.0.0.1"}
    connect(network, host="one,two", port=ports)
    assert [port for _, port, _ in network.asked_for] == expected
    assert network.params.get("port") == expected[1]


@pytest.mark.parametrize("place", ["/var/run/postgresql", "@abstract"])
def test_a_unix_socket_is_not_looked_up(place: str, network: Network) -> None:
    assert connect(network, host=place, port="5432") == place
    assert network.params == {"host": place, "port": "5432"}
    assert network.asked_for == []


def test_unix_socket_can_be_one_of_several_hosts(network: Network) -> None:
    network.refusing = {"/run", "10.0.0.1"}
    assert connect(network, host="/run,unknown,,one,two") == ""
    assert addresses_tried(network) == ["/run", ""]
    network.refusing.add("")
    assert connect(network, host="/run,unknown,,one,two") == "10.0.0.2"
    assert addresses_tried(network) == ["", "/run", "10.0.0.1", "10.0.0.2"]
    assert connect(network, host="unknown,/var") == "/var"


@pytest.mark.parametrize("by_environment", [False, True])
def test_given_address_is_not_looked_up(
    by_environment: bool, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {"host": "one", "port": "5432"} | ({} if by_environment else {"hostaddr": "10.9.9.9"})
    if by_environment:
        monkeypatch.setenv("PGHOSTADDR", "10.9.9.9")
    connect(network, **params)
    assert network.params == params
    assert network.asked_for == []


def test_ipv6_address_can_have_brackets(network: Network) -> None:
    network.names["::1"] = ["::1"]
    assert connect(network, host="[::1]", port="5432") == "::1"
    assert network.params == {"host": "::1", "hostaddr": "::1", "port": "5432"}


def test_lookups_take_at_most_half_of_the_time(network: Network) -> None:
    connect(network, host="one,two")
    with deadlines.within(4):
        connect(network, host="one")
    assert [seconds for *_, seconds in network.asked_for] == [DEADLINE / 4, DEADLINE / 4, 2]


@pytest.mark.parametrize("failure", [socket.gaierror("who?"), deadlines.DeadlineExceeded(), OSError(24, "too many")])
def test_other_hosts_are_tried_if_a_name_is_unknown(failure: OSError, network: Network) -> None:
    network.names["lost"] = failure
    for names in ("lost,one", "one,lost"):
        assert connect(network, host=names) == "10.0.0.1"


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (socket.gaierror("who?"), "could not translate host name: who?"),
        (deadlines.DeadlineExceeded(), "could not translate host name: no answer in time"),
        (OSError("too many files"), "could not translate host name: too many files"),
    ],
)
def test_error_says_why_no_name_was_found(failure: Any, words: str, network: Network) -> None:
    network.names["lost"] = failure
    with pytest.raises(psycopg2.OperationalError) as raised:
        connect(network, host="lost")
    assert str(raised.value) == words


def test_invalid_name_is_a_database_error(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "addresses", resolver.addresses)
    with pytest.raises(psycopg2.OperationalError, match=r"'db\.\.example' is no host name"):
        connect(network, host="db..example")


def test_name_without_an_address_is_a_database_error(network: Network) -> None:
    with pytest.raises(psycopg2.OperationalError, match="no address"):
        connect(network, host="none")
