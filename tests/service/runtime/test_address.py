"""An address that is held is ours: workers may listen beside it, nobody else may take it."""

import socket

import pytest

from service.doors.http.listening import listen
from service.errors import ConfigError
from service.runtime.address import Address, hold_address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:7080", Address("127.0.0.1", 7080)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:7080", Address("::1", 7080)),
    ],
)
def test_an_address_is_read_and_written(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize("text", ["", "7080", ":7080", "host:", "host:http", "host:65536", "host:-1", "host:٧"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no address"):
        parse_address(text)


def test_port_zero_is_a_free_port() -> None:
    with hold_address(Address("127.0.0.1", 0)) as one, hold_address(Address("127.0.0.1", 0)) as other:
        assert 0 < one.port != other.port > 0


def test_a_held_address_is_not_held_twice() -> None:
    with (
        hold_address(Address("127.0.0.1", 0)) as held,
        pytest.raises(ConfigError, match=rf"`127.0.0.1:{held.port}` is in use"),
        hold_address(held),
    ):
        pass


def test_an_address_that_another_listens_on_is_refused() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = Address("127.0.0.1", other.getsockname()[1])
        with pytest.raises(ConfigError, match="is in use by another process"), hold_address(taken):
            pass


def test_workers_listen_beside_the_holder_and_get_the_connections() -> None:
    with hold_address(Address("127.0.0.1", 0)) as held, socket.socket() as worker:
        worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        worker.bind((held.host, held.port))
        worker.listen()
        for _ in range(20):
            socket.create_connection((held.host, held.port), timeout=1).close()


def test_a_host_that_does_not_resolve_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not resolve"), hold_address(Address("no.host.invalid", 7080)):
        pass


def test_connections_that_linger_after_a_stop_do_not_keep_the_next_start_from_the_address() -> None:
    with hold_address(Address("127.0.0.1", 0)) as held:
        (listener,) = listen(str(held))
        with listener, socket.create_connection((held.host, held.port), timeout=1) as caller:
            listener.setblocking(True)
            listener.accept()[0].close()
            assert caller.recv(1) == b""
    with hold_address(held) as again:
        assert again == held
