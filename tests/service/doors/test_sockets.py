"""A worker's socket appears at its path whole: with its mode and its group, and in the place of one before it."""

import grp
import os
import socket
import stat
from pathlib import Path
from urllib.parse import unquote

import pytest

from service.doors.sockets import put_in_place
from service.errors import ConfigError
from service.socket_settings import SocketSettings


def listen(address: str) -> socket.socket:
    """A listener at the address that gRPC would be given."""
    made = socket.socket(socket.AF_UNIX)
    made.bind(unquote(address.removeprefix("unix:")))
    made.listen()
    return made


def is_reached(place: Path, listener: socket.socket) -> bool:
    """Whether a connection to the path comes to that listener."""
    listener.settimeout(5)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(place))
        accepted, _ = listener.accept()
        accepted.close()
    return True


def test_a_socket_is_reached_at_its_path_only_once_the_block_has_ended(tmp_path: Path) -> None:
    place = tmp_path / "our door%.sock"
    with put_in_place(f"unix:{place}", SocketSettings()) as address:
        listener = listen(address)
        assert not place.exists()
    with listener:
        assert is_reached(place, listener)
    assert [each.name for each in tmp_path.iterdir()] == ["our door%.sock"]


def test_a_socket_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    place = tmp_path / "door.sock"
    with listen(f"unix:{place}"):
        with put_in_place(f"unix:{place}", SocketSettings()) as address:
            later = listen(address)
        with later:
            assert is_reached(place, later)


@pytest.mark.parametrize("mode", ["0600", "0660", "0666"])
def test_a_socket_has_the_mode_that_is_set(tmp_path: Path, mode: str) -> None:
    with put_in_place(f"unix:{tmp_path / 'door'}", SocketSettings(mode=mode)) as address:
        listen(address).close()
    assert stat.S_IMODE((tmp_path / "door").stat().st_mode) == int(mode, 8)


def test_a_socket_has_the_group_that_is_set(tmp_path: Path) -> None:
    own = grp.getgrgid(os.getgid())
    with put_in_place(f"unix:{tmp_path / 'door'}", SocketSettings(group=own.gr_name)) as address:
        listen(address).close()
    assert (tmp_path / "door").stat().st_gid == own.gr_gid


def test_a_group_that_is_not_there_is_named_and_nothing_is_put_in_place(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"`sockets.group`: there is no group `no-such-group`"),
        put_in_place(f"unix:{tmp_path / 'door'}", SocketSettings(group="no-such-group")) as address,
    ):
        listen(address).close()
    assert not (tmp_path / "door").exists()


def test_other_addresses_stay_as_they_are() -> None:
    with put_in_place("127.0.0.1:7080", SocketSettings()) as address:
        assert address == "127.0.0.1:7080"
