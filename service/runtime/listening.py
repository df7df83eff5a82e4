"""Says where a service listens, and refuses what should not be: credentials in plain text to other machines.

The ops port is no door: no credential goes in there, and what comes out are counts and how the service stands. Probes
and scrapers come to it from other machines, so it may listen anywhere.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address

from service.config import Settings
from service.doors.sockets import inherited_address, is_socket, listen_at
from service.errors import ConfigError
from service.runtime.address import Address, hold_address, parse_address, resolve
from service.runtime.socket_path import SocketPath, hold_socket_path, parse_socket_path
from service.socket_settings import SocketSettings

Place = Address | SocketPath


def doors(settings: Settings) -> Mapping[str, Place]:
    """Where each door listens, by its setting; ConfigError where one may not."""
    if settings.tls is not None and settings.plaintext:
        raise ConfigError("`tls` and `plaintext` contradict each other\nhelp: take one of them away")
    found = {"grpc": _door(settings, "grpc", settings.grpc)}
    if isinstance(found["grpc"], SocketPath) and settings.workers > 1:
        raise ConfigError(
            f"`grpc` is a Unix socket, which one worker can listen on, and not {settings.workers}"
            "\nhelp: give --workers 1, or a port, which workers share"
        )
    if settings.mutual_tls is not None:
        found["grpc_mtls"] = parse_address(settings.grpc_mtls)
    if settings.http:
        found["http"] = _door(settings, "http", settings.http)
    return found


@contextmanager
def handed_on(place: Place, settings: SocketSettings) -> Iterator[str]:
    """The address that workers are told of a door which they share a Unix socket of, while the block runs."""
    if isinstance(place, Address):
        yield str(place)
        return
    with listen_at(place.path, settings) as listener:
        yield inherited_address(listener)


@contextmanager
def held(setting: str, place: Place) -> Iterator[Place]:
    """Holds the place while the block runs, its port chosen; ConfigError if it is taken."""
    match place:
        case Address():
            with hold_address(place, setting) as address:
                yield address
        case SocketPath():
            with hold_socket_path(place, setting) as path:
                yield path


def _door(settings: Settings, setting: str, text: str) -> Place:
    if is_socket(text):
        return parse_socket_path(text)
    address = parse_address(text)
    if settings.tls is None and not settings.plaintext and not is_loopback(address):
        raise ConfigError(
            f"`{setting}` would take credentials in plain text on `{address}`, where other machines come"
            "\nhelp: name certificate_file and key_file under [tls], or listen on 127.0.0.1 or unix:PATH;"
            " where a proxy or a mesh ends TLS before it, say --plaintext"
        )
    return address


def is_loopback(address: Address) -> bool:
    """Whether only this machine can come there, under every address that the host names."""
    return all(ip_address(host.partition("%")[0]).is_loopback for _, host in resolve(address))
