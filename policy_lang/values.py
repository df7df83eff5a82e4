"""The values that policies compute with, and the gaps where there is none.

Law (language.md, Reading): a read gives a value, or a gap that is absent or broken. A gap compares false to everything,
in both directions, so that `a == b` holds and `a != b` holds are each false when an operand is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple, final


class Ref(NamedTuple):
    """A reference to an entity; equal when type and id are."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


class Ip(NamedTuple):
    """One address. `::ffff:a.b.c.d` is read as IPv4."""

    version: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Ip":
        """The address that the text names; ValueError if none."""
        if "%" in text:
            raise ValueError("an address has no zone")
        address = ip_address(text)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return cls(address.version, int(address))

    def __str__(self) -> str:
        return str(IPv4Address(self.number) if self.version == 4 else IPv6Address(self.number))


class Network(NamedTuple):
    """A network without host bits: its first and last address."""

    version: int
    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> "Network":
        """The network that the text names; ValueError if none, or if it has host bits."""
        network = ip_network(text)
        return cls(network.version, int(network.network_address), int(network.broadcast_address))

    def __contains__(self, address: object) -> bool:
        """Containment, false across versions."""
        return isinstance(address, Ip) and address.version == self.version and self.first <= address.number <= self.last

    def __str__(self) -> str:
        bits = 32 if self.version == 4 else 128
        prefix = bits - (self.last - self.first).bit_length()
        if self.version == 4:
            return str(IPv4Network((self.first, prefix)))
        return str(IPv6Network((self.first, prefix)))


@dataclass(frozen=True, slots=True)
class Record:
    """A record: a cell for every declared field, a gap where it is not set or does not fit."""

    cells: "Mapping[str, Cell]"


Scalar = bool | int | str | Ref | Ip | Network
Value = Scalar | frozenset[Scalar] | Record
"""Enum members, time zones and strings are `str`; timestamps and durations are `int`, in
milliseconds, and decimals, in ten-thousandths."""


class Cause(Enum):
    """Why there is no value."""

    ABSENT = "absent"
    NOT_GIVEN = "not_given"
    NO_ROW = "no_row"
    BAD_VALUE = "bad_value"
    TOO_DEEP = "too_deep"


@final
class Gap:
    """No value. `is_broken` tells broken from absent; there is one object for each kind."""

    __slots__ = ("cause", "is_broken")

    def __init__(self, cause: Cause, *, is_broken: bool) -> None:
        self.cause = cause
        self.is_broken = is_broken

    def _never(self, other: object) -> bool:  # noqa: ARG002
        return False

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _never
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"Gap({self.cause.value}{', broken' if self.is_broken else ''})"


ABSENT: Final = Gap(Cause.ABSENT, is_broken=False)
"""Optional and not set."""
UNSET: Final = Gap(Cause.ABSENT, is_broken=True)
"""Required and not set."""
NOT_GIVEN: Final = Gap(Cause.NOT_GIVEN, is_broken=True)
"""Required of the request or the token, and not there."""
OPTIONAL_NOT_GIVEN: Final = Gap(Cause.NOT_GIVEN, is_broken=False)
"""Optional in the request or the token, and not there."""
NO_ROW: Final = Gap(Cause.NO_ROW, is_broken=True)
"""A row on the way is missing."""
BAD_VALUE: Final = Gap(Cause.BAD_VALUE, is_broken=True)
"""What is there does not fit its type."""
TOO_DEEP: Final = Gap(Cause.TOO_DEEP, is_broken=True)
"""The way up the parents is longer than the limit."""


def gap_of(*, is_optional: bool, is_given: bool) -> Gap:
    """What a read gives where nothing is set; `is_given`: the request or a token would have brought it."""
    if is_given:
        return OPTIONAL_NOT_GIVEN if is_optional else NOT_GIVEN
    return ABSENT if is_optional else UNSET


Cell = Value | Gap
"""What a read gives."""
