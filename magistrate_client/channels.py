"""Where the service is and how it is reached: several connections, so that its workers share the load.

Law: a token goes in plain text to this machine alone, unless the caller asks for `insecure`.
"""

import ipaddress
from dataclasses import dataclass
from typing import Final

import grpc
from grpc import aio

CHANNELS: Final = 4
"""Connections of one client, unless it is told otherwise."""

Options = tuple[tuple[str, str | int], ...]

_OPTIONS: Final[Options] = (
    # Channels of one target would share a connection, and workers are balanced by connection (runtime.md).
    ("grpc.use_local_subchannel_pool", 1),
    # One place repeats calls, with one deadline and one request id: this client (retries.py).
    ("grpc.enable_retries", 0),
    # Whoever answers for DNS must not say how calls are made.
    ("grpc.service_config_disable_resolution", 1),
    # A worker that comes back is found again well within a deadline of seconds.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # A peer that vanished is noticed, by ping and by TCP_USER_TIMEOUT; idle connections are left alone.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 0),
)
_NO_PROXY: Final[Options] = (("grpc.enable_http_proxy", 0),)
"""What goes to this machine in plain text must not take the way round by a proxy of the environment."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A target, its transport security (None is plain text), and how many connections it is given."""

    target: str
    credentials: grpc.ChannelCredentials | None
    options: Options
    channels: int

    def open_channels(self) -> tuple[grpc.Channel, ...]:
        """Channels for threads; they connect when first used."""
        if self.credentials is None:
            return tuple(grpc.insecure_channel(self.target, self.options) for _ in range(self.channels))
        return tuple(grpc.secure_channel(self.target, self.credentials, self.options) for _ in range(self.channels))

    def open_aio_channels(self) -> tuple[aio.Channel, ...]:
        """Channels for the running event loop; they connect when first used."""
        if self.credentials is None:
            return tuple(aio.insecure_channel(self.target, self.options) for _ in range(self.channels))
        return tuple(aio.secure_channel(self.target, self.credentials, self.options) for _ in range(self.channels))


def endpoint(target: str, credentials: grpc.ChannelCredentials | None, *, insecure: bool, channels: int) -> Endpoint:
    """The endpoint with the credentials given; without any, plain text where that is allowed, else the system's roots.

    Raises ValueError for what contradicts itself.
    """
    if channels < 1:
        raise ValueError("expected at least one channel")
    if credentials is not None:
        if insecure:
            raise ValueError("expected `credentials` or `insecure`, not both")
        return Endpoint(target, credentials, _OPTIONS, channels)
    if is_local(target):
        return Endpoint(target, None, _OPTIONS + _NO_PROXY, channels)
    return Endpoint(target, None if insecure else grpc.ssl_channel_credentials(), _OPTIONS, channels)


def is_local(target: str) -> bool:
    """Whether the target can only be on this machine: a Unix socket, `localhost` or a loopback address.

    Forms that are not plainly so, such as lists of addresses, are not.
    """
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    host = target[1:].partition("]")[0] if target.startswith("[") else target.partition(":")[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
