"""Opens the sockets of an address that workers share, or takes up the one that they were given."""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from service.doors.sockets import BACKLOG, inherited_descriptor
from service.errors import ConfigError

_NOT_OF_THIS_MACHINE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def listen(address: str) -> list[socket.socket]:
    """A socket for every address that `HOST:PORT` names; ConfigError where there is none.

    Each listens with SO_REUSEPORT: whoever holds the port sees to it that only workers of one service do. And with
    SO_REUSEADDR, as the gRPC door does: connections have it from their listener, and those that linger after a stop
    would else keep the next start from the port for a minute. A Unix socket listens already, and all workers have it
    from who started them.
    """
    if (descriptor := inherited_descriptor(address)) is not None:
        given = socket.socket(fileno=descriptor)
        given.setblocking(False)
        return [given]
    with ExitStack() as opened:
        host, _, port = address.rpartition(":")
        sockets = [opened.enter_context(each) for each in _open(host.strip("[]"), int(port))]
        if not sockets:
            raise ConfigError(f"the address `{address}` cannot be used: no address of this machine")
        opened.pop_all()
        return sockets


def _open(host: str, port: int) -> Iterator[socket.socket]:
    """Those that are of this machine: `localhost` names an IPv6 address also where there is no IPv6."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, place in dict.fromkeys((family, place) for family, _, _, _, place in found):
        try:
            opened = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            if error.errno not in _NOT_OF_THIS_MACHINE:
                raise
            continue
        try:
            for option in (socket.SO_REUSEPORT, socket.SO_REUSEADDR):
                opened.setsockopt(socket.SOL_SOCKET, option, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind(place)
            opened.listen(BACKLOG)
        except OSError as error:
            opened.close()
            if error.errno not in _NOT_OF_THIS_MACHINE:
                raise
            continue
        opened.setblocking(False)
        yield opened
