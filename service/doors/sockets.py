"""Puts Unix sockets where callers look for them, at once and whole.

gRPC makes its socket itself, under the name that it is given: it removes what has that name before, and again when it
ends. With a name of its own for each worker, put in place by a rename, one that is leaving takes nothing from the one
that came after it. Other doors can be given a socket, which all workers then have from the process that started them.
"""

import grp
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from service.errors import ConfigError
from service.socket_settings import SocketSettings

SCHEME: Final = "unix:"
INHERITED: Final = "fd:"
BACKLOG: Final = 2048
"""Connections that wait to be taken in."""


def is_socket(address: str) -> bool:
    """Whether that is a Unix socket's address."""
    return address.startswith(SCHEME)


@contextmanager
def put_in_place(address: str, settings: SocketSettings) -> Iterator[str]:
    """The address to listen at, for gRPC; when the block ends, callers find what listens there at `address`.

    An address that is no Unix socket's stays as it is. ConfigError where the socket cannot be given to its group.
    """
    if not is_socket(address):
        yield address
        return
    with _placed(Path(address.removeprefix(SCHEME)), settings) as own:
        yield SCHEME + quote(str(own))


def listen_at(path: Path, settings: SocketSettings) -> socket.socket:
    """A socket that listens there, to be handed on to workers; ConfigError where it cannot be given to its group."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _placed(path, settings) as own:
            listener.bind(str(own))
            listener.listen(BACKLOG)
    except (OSError, ConfigError):
        listener.close()
        raise
    return listener


def inherited_address(listener: socket.socket) -> str:
    """How workers are told of a socket that they have from the process that started them."""
    return f"{INHERITED}{listener.fileno()}"


def inherited_descriptor(address: str) -> int | None:
    """The descriptor of such a socket; None of another address."""
    return int(address.removeprefix(INHERITED)) if address.startswith(INHERITED) else None


@contextmanager
def _placed(path: Path, settings: SocketSettings) -> Iterator[Path]:
    """The name to bind; when the block ends well, what is bound there has its mode and group and stands at the path."""
    own = path.with_name(f"{path.name}.{os.getpid()}")
    yield own
    _hand_over(own, settings)
    own.replace(path)


def _hand_over(own: Path, settings: SocketSettings) -> None:
    """Gives the socket its group and its mode; ConfigError where that cannot be."""
    try:
        if settings.group:
            os.chown(own, -1, grp.getgrnam(settings.group).gr_gid)
        own.chmod(settings.bits)
    except KeyError:
        raise ConfigError(f"`sockets.group`: there is no group `{settings.group}`") from None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigError(f"`{own}` cannot be given to the group `{settings.group}`: {why}") from error
