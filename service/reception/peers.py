"""Says who called: the address at the other end, or the one that a trusted proxy says it forwards for."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import unquote

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

ELSEWHERE: Final = "local"
"""Stands for a peer that has no address, such as one on a Unix socket."""
_CONNECTIONS: Final = 4096
_V4_PREFIX: Final = 24
_V6_PREFIX: Final = 48
_V6_HOST: Final = 64
"""An IPv6 host has 2^64 addresses of its own, so its network stands for it."""


class Peers:
    """Reads the address of a call's maker."""

    def __init__(self, trusted_proxies: Sequence[Network] = ()) -> None:
        self._proxies = tuple(trusted_proxies)

    def who(self, peer: str, forwarded: Sequence[str] = ()) -> str:
        """Who called, as failures are counted: an IPv4 address, an IPv6 network of a host, or `ELSEWHERE`.

        `peer` is gRPC's text, `forwarded` the values of `x-forwarded-for`. Of those the last that no trusted proxy
        wrote about another counts: everything before it is the caller's own word.
        """
        address = self._maker(peer, forwarded)
        return ELSEWHERE if address is None else _host_of(address)

    def address(self, peer: str, forwarded: Sequence[str] = ()) -> str:
        """Who called, as the record tells it: the whole address, empty where there is none."""
        if not forwarded:
            return _text_of_peer(peer)
        address = self._maker(peer, forwarded)
        return "" if address is None else str(address)

    def _maker(self, peer: str, forwarded: Sequence[str]) -> Address | None:
        address = _address_of_peer(peer)
        for text in reversed([part.strip() for value in forwarded for part in value.split(",")]):
            if address is None or not self._is_proxy(address):
                break
            named = _address_of(text)
            if named is None:
                break
            address = named
        return address

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._proxies)


def prefix_of(who: str) -> str:
    """The network that somebody calls from, by which failures are summarised."""
    try:
        network = ip_network(who)
    except ValueError:
        return who
    wanted = _V4_PREFIX if isinstance(network, IPv4Network) else _V6_PREFIX
    return str(network.supernet(new_prefix=wanted))


@lru_cache(maxsize=_CONNECTIONS)
def _text_of_peer(peer: str) -> str:
    """Remembered, for a connection brings many calls."""
    address = _address_of_peer(peer)
    return "" if address is None else str(address)


def _address_of_peer(peer: str) -> Address | None:
    """gRPC writes `ipv4:10.0.0.1:50000`, `ipv6:%5B::1%5D:50000` or `unix:…`."""
    family, _, rest = unquote(peer).partition(":")
    if family not in ("ipv4", "ipv6"):
        return None
    return _address_of(rest.rpartition(":")[0].strip("[]"))


def _address_of(text: str) -> Address | None:
    try:
        address = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _host_of(address: Address) -> str:
    return str(address) if isinstance(address, IPv4Address) else str(ip_network((address, _V6_HOST), strict=False))
