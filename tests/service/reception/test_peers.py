"""Who called: nobody makes another address up, and whoever a trusted proxy forwards for is told apart."""

from ipaddress import ip_network

import pytest

from service.reception.peers import Peers, prefix_of

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]

CASES: dict[str, tuple[str, list[str], str]] = {
    "an IPv4 address": ("ipv4:192.0.2.7:50000", [], "192.0.2.7"),
    "an IPv6 host": ("ipv6:%5B2001:db8::7%5D:50000", [], "2001:db8::/64"),
    "an IPv4 address as IPv6": ("ipv6:%5B::ffff:192.0.2.7%5D:50000", [], "192.0.2.7"),
    "a Unix socket": ("unix:/run/magistrate.sock", [], "local"),
    "a text of no peer": ("", [], "local"),
    "a stranger who says who he is": ("ipv4:192.0.2.7:50000", ["198.51.100.1"], "192.0.2.7"),
    "a proxy that forwards": ("ipv4:10.1.1.1:50000", ["198.51.100.1"], "198.51.100.1"),
    "a proxy behind a proxy": ("ipv4:10.1.1.1:50000", ["198.51.100.1, 10.2.2.2"], "198.51.100.1"),
    "what a caller wrote before a proxy did": ("ipv4:10.1.1.1:50000", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
    "values one after the other": ("ipv4:10.1.1.1:50000", ["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
    "a proxy that forwards nonsense": ("ipv4:10.1.1.1:50000", ["198.51.100.1, nobody"], "10.1.1.1"),
    "a proxy that says nothing": ("ipv4:10.1.1.1:50000", [], "10.1.1.1"),
    "a proxy with an IPv6 address": ("ipv6:%5Bfd00::1%5D:50000", ["[2001:db8::7]"], "2001:db8::/64"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_last_address_that_no_trusted_proxy_wrote_counts(case: str) -> None:
    peer, forwarded, expected = CASES[case]
    assert Peers(PROXIES).who(peer, forwarded) == expected


def test_without_trusted_proxies_nobodys_word_counts() -> None:
    assert Peers().who("ipv4:10.1.1.1:50000", ["198.51.100.1"]) == "10.1.1.1"


@pytest.mark.parametrize(
    ("who", "network"),
    [("192.0.2.7", "192.0.2.0/24"), ("2001:db8:1:2::/64", "2001:db8:1::/48"), ("local", "local")],
)
def test_failures_are_summed_up_by_networks(who: str, network: str) -> None:
    assert prefix_of(who) == network


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("ipv6:%5B2001:db8::7%5D:50000", [], "2001:db8::7"),
        ("ipv6:%5B::ffff:192.0.2.7%5D:50000", [], "192.0.2.7"),
        ("ipv4:10.1.1.1:50000", ["198.51.100.1"], "198.51.100.1"),
        ("ipv4:192.0.2.7:50000", ["198.51.100.1"], "192.0.2.7"),
        ("unix:/run/magistrate.sock", [], ""),
    ],
    ids=["IPv6, whole", "IPv4 in IPv6", "by a proxy", "a stranger's word", "no address"],
)
def test_the_record_tells_the_whole_address(peer: str, forwarded: list[str], address: str) -> None:
    assert Peers(PROXIES).address(peer, forwarded) == address
