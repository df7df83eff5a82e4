"""A socket's path that is held is ours: what others left behind makes room, what others use is left alone."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from service.errors import ConfigError
from service.runtime.socket_path import LONGEST, SocketPath, hold_socket_path, parse_socket_path


@pytest.fixture
def place() -> Iterator[Path]:
    """A path that is short enough wherever tests keep their folders."""
    with TemporaryDirectory(prefix="sock-") as folder:
        yield Path(folder) / "door.sock"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("unix:/run/door.sock", Path("/run/door.sock")),
        ("unix:///run/door.sock", Path("/run/door.sock")),
        ("unix:door.sock", Path.cwd() / "door.sock"),
        ("unix:/run/our door%20.sock", Path("/run/our door%20.sock")),
    ],
)
def test_a_path_is_read_as_it_stands(text: str, path: Path) -> None:
    assert parse_socket_path(text) == SocketPath(path)


@pytest.mark.parametrize("text", ["unix:", "unix:/run/", "unix:/run/a\0b"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="write unix:PATH"):
        parse_socket_path(text)


def test_a_path_longer_than_the_kernel_takes_is_refused_by_its_length() -> None:
    longest = "/" + "é" * ((LONGEST - 1) // 2)
    assert parse_socket_path(f"unix:{longest}").path == Path(longest)
    with pytest.raises(ConfigError, match=f"has {LONGEST + 1} bytes, a Unix socket's has {LONGEST} at most"):
        parse_socket_path(f"unix:{longest}x")


def test_the_longest_path_has_room_for_a_worker_of_any_process_id(tmp_path: Path) -> None:
    limit = int(Path("/proc/sys/kernel/pid_max").read_text())
    assert LONGEST + len(f".{limit}") <= 107


def bound(place: Path) -> socket.socket:
    """A socket bound there, which does not listen yet."""
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(place))
    return made


def test_a_socket_that_nobody_listens_on_makes_room(place: Path) -> None:
    bound(place).close()
    bound(place.with_name("door.sock.123")).close()
    with hold_socket_path(SocketPath(place), "grpc"):
        assert [each.name for each in place.parent.iterdir()] == ["door.sock.lock"]


def test_what_only_looks_like_a_worker_s_socket_is_left_alone(place: Path) -> None:
    place.with_name("door.sock.1-notes").touch()
    place.with_name("door.sock.2").mkdir()
    with hold_socket_path(SocketPath(place), "grpc"):
        left = sorted(each.name for each in place.parent.iterdir())
    assert left == ["door.sock.1-notes", "door.sock.2", "door.sock.lock"]


def test_a_name_with_signs_of_a_pattern_is_meant_as_it_stands(place: Path) -> None:
    odd = place.with_name("door[12].sock")
    for name in ("door[12].sock.7", "door1.sock.7"):
        bound(place.with_name(name)).close()
    with hold_socket_path(SocketPath(odd), "grpc"):
        left = sorted(each.name for each in place.parent.iterdir())
    assert left == ["door1.sock.7", "door[12].sock.lock"]


def test_a_socket_that_somebody_listens_on_is_left_alone(place: Path) -> None:
    with bound(place) as other:
        other.listen()
        with pytest.raises(ConfigError, match="is in use by another process\nhelp: choose another with --grpc"):
            hold_socket_path(SocketPath(place), "grpc").__enter__()
        assert stat.S_ISSOCK(place.lstat().st_mode)


def test_a_socket_whose_listener_is_too_busy_to_answer_is_left_alone(place: Path) -> None:
    with bound(place) as other, socket.socket(socket.AF_UNIX) as first:
        other.listen(0)
        first.connect(str(place))
        with pytest.raises(ConfigError, match="is in use"):
            hold_socket_path(SocketPath(place), "grpc").__enter__()
        assert place.exists()


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_what_is_no_socket_is_left_alone(place: Path, kind: str) -> None:
    {"file": place.touch, "link": lambda: place.symlink_to("nowhere"), "folder": place.mkdir}[kind]()
    with pytest.raises(ConfigError, match="is there, and is no socket"):
        hold_socket_path(SocketPath(place), "grpc").__enter__()
    assert place.is_symlink() or place.exists()


def test_a_held_path_is_not_held_twice_also_while_nobody_listens(place: Path) -> None:
    with (
        hold_socket_path(SocketPath(place), "grpc"),
        pytest.raises(ConfigError, match=f"in use by process {os.getpid()}"),
        hold_socket_path(SocketPath(place), "grpc"),
    ):
        pass


def test_what_is_there_at_the_end_is_removed(place: Path) -> None:
    with hold_socket_path(SocketPath(place), "grpc"):
        bound(place).close()
    assert not place.exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be used: No such file"):
        hold_socket_path(SocketPath(tmp_path / "none" / "door"), "grpc").__enter__()
