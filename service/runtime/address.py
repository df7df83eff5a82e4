"""Keeps the door's address ours: refuses one that is taken, and holds it while workers come and go."""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Final

from service.errors import ConfigError

_NOT_OF_THIS_MACHINE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


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
def hold_address(wanted: Address, setting: str = "grpc") -> Iterator[Address]:
    """Holds every address that the host names, without listening, and gives it with its port chosen.

    Workers listen beside it with SO_REUSEPORT. With that option alone a second service would start without an error and
    take half of the calls, so the address is first bound exclusively, which fails if anybody has it. An
    error names the `setting`.
    """
    with ExitStack() as held:
        port = _hold_all(held, wanted, setting)
        yield Address(wanted.host, port)


def _hold_all(held: ExitStack, wanted: Address, setting: str) -> int:
    """Holds what can be, and gives the port; an address that is not of this machine only matters if it is the only one.

    `localhost` also names an IPv6 address where there is no IPv6.
    """
    port, absent, count = wanted.port, None, 0
    for family, host in resolve(wanted):
        try:
            holder = _hold(family, host, port)
        except OSError as error:
            if error.errno not in _NOT_OF_THIS_MACHINE:
                raise _unusable(Address(host, port), error, setting) from error
            absent = _unusable(Address(host, port), error, setting)
            continue
        held.enter_context(closing(holder))
        port, count = int(holder.getsockname()[1]), count + 1
    if absent is not None and not count:
        raise absent
    return port


def resolve(address: Address) -> list[tuple[socket.AddressFamily, str]]:
    """The addresses that the host names, with their families; ConfigError if there are none."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigError(f"the host of `{address}` does not resolve: {error.strerror}") from error
    return list(dict.fromkeys((family, str(place[0])) for family, _, _, _, place in found))


def _hold(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    """A socket bound there that does not listen; OSError if anybody else is there."""
    if port:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger are no owners
            probe.bind((host, port))
    holder = socket.socket(family, socket.SOCK_STREAM)
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # and never SO_REUSEADDR, or the probe passes
        holder.bind((host, port))
    except OSError:
        holder.close()
        raise
    return holder


def _unusable(address: Address, error: OSError, setting: str) -> ConfigError:
    why = "is in use by another process" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
    return ConfigError(f"the address `{address}` {why}\nhelp: choose another with --{setting.replace('_', '-')}")
