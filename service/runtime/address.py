"""Keeps the door's address ours: refuses one that is taken, and holds it while workers come and go."""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from service.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port; an IPv6 host is written in brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """The address that `HOST:PORT` names; ConfigError if it is not of that form."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigError(
            f"`{text}` is no address\nhelp: write HOST:PORT, such as 127.0.0.1:7080; port 0 is any free one"
        )
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


@contextmanager
def hold_address(wanted: Address) -> Iterator[Address]:
    """Holds every address that the host names, without listening, and gives it with its port chosen.

    Workers listen beside it with SO_REUSEPORT. With that option alone a second service would start without an error and
    take half of the calls, so the address is first bound exclusively, which fails if anybody has it.
    """
    with ExitStack() as held:
        port = wanted.port
        for family, host in _resolve(wanted):
            if port:
                _bind_exclusively(family, host, port)
            port = held.enter_context(_hold(family, host, port))
        yield Address(wanted.host, port)


def _resolve(address: Address) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigError(f"the host of `{address}` does not resolve: {error.strerror}") from error
    return list(dict.fromkeys((family, str(place[0])) for family, _, _, _, place in found))


def _bind_exclusively(family: socket.AddressFamily, host: str, port: int) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger are no owners
        _bind(probe, host, port)


@contextmanager
def _hold(family: socket.AddressFamily, host: str, port: int) -> Iterator[int]:
    with socket.socket(family, socket.SOCK_STREAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # and never SO_REUSEADDR, or the probe passes
        _bind(holder, host, port)
        yield int(holder.getsockname()[1])


def _bind(end: socket.socket, host: str, port: int) -> None:
    if end.family == socket.AF_INET6:
        end.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        end.bind((host, port))
    except OSError as error:
        why = "is in use by another process" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise ConfigError(f"the address `{Address(host, port)}` {why}\nhelp: choose another with --grpc") from error
