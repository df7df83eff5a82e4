"""Puts a worker's Unix socket where callers look for it, at once and whole.

gRPC makes its socket itself, under the name that it is given: it removes what has that name before, and again when it
ends. With a name of its own for each worker, put in place by a rename, one that is leaving takes nothing from the one
that came after it.
"""

import grp
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from service.errors import ConfigError
from service.socket_settings import SocketSettings

SCHEME: Final = "unix:"


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
    place = Path(address.removeprefix(SCHEME))
    own = place.with_name(f"{place.name}.{os.getpid()}")
    yield SCHEME + quote(str(own))
    hand_over(own, settings)
    own.replace(place)


def hand_over(socket: Path, settings: SocketSettings) -> None:
    """Gives the socket its group and its mode; ConfigError where that cannot be."""
    try:
        if settings.group:
            os.chown(socket, -1, grp.getgrnam(settings.group).gr_gid)
        socket.chmod(settings.bits)
    except KeyError:
        raise ConfigError(f"`sockets.group`: there is no group `{settings.group}`") from None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigError(f"`{socket}` cannot be given to the group `{settings.group}`: {why}") from error
