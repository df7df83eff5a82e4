"""The closed table of functions that expressions may call: argument types, result type, implementation.

Law (language.md, Types): `lower` changes A–Z only; hours and weekdays are those of the local clock, and unknown outside
the years 1–9999. An implementation is never called with a gap: a function is unknown when an argument is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from policy_lang.timezones import zone
from policy_lang.types import (
    BoolType,
    DurationType,
    IntType,
    IpType,
    SetType,
    StringType,
    TimestampType,
    TimezoneType,
    Type,
)
from policy_lang.values import BAD_VALUE, Cell, Ip, Network, Scalar

Parameter = tuple[type[Type], ...]
"""The kinds of type that an argument may have, one of them as a rule."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function: its name, what it takes, what it gives, and how. One that gives a bool is a condition."""

    name: str
    parameters: tuple[Parameter, ...]
    result: Type
    call: Callable[..., Cell]

    @property
    def signature(self) -> str:
        """The function as a reader sees it, such as `hour(timestamp, timezone)`."""
        return f"{self.name}({', '.join(' or '.join(_KINDS[kind] for kind in kinds) for kinds in self.parameters)})"


def _starts_with(text: str, start: str) -> bool:
    return text.startswith(start)


def _ends_with(text: str, end: str) -> bool:
    return text.endswith(end)


def _contains(text: str, part: str) -> bool:
    return part in text


def _lower(text: str) -> str:
    return text.translate(_LOWER)


def _size(whole: str | frozenset[Scalar]) -> int:
    return len(whole)


def _local(milliseconds: int, name: str) -> datetime | None:
    try:
        return (_EPOCH + timedelta(milliseconds=milliseconds)).astimezone(zone(name))
    except (OverflowError, ValueError):
        return None


def _hour(milliseconds: int, name: str) -> Cell:
    local = _local(milliseconds, name)
    return BAD_VALUE if local is None else local.hour


def _weekday(milliseconds: int, name: str) -> Cell:
    local = _local(milliseconds, name)
    return BAD_VALUE if local is None else local.isoweekday()


def _time_of_day(milliseconds: int, name: str) -> Cell:
    local = _local(milliseconds, name)
    if local is None:
        return BAD_VALUE
    return ((local.hour * 60 + local.minute) * 60 + local.second) * 1000 + local.microsecond // 1000


def _is_private(address: Ip) -> bool:
    return _is_in(address, _PRIVATE)


def _is_loopback(address: Ip) -> bool:
    return _is_in(address, _LOOPBACK)


def _is_in(address: Ip, networks: tuple[Network, ...]) -> bool:
    return any(
        network.version == address.version and network.first <= address.number <= network.last for network in networks
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_PRIVATE: Final = tuple(map(Network.parse, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_LOOPBACK: Final = tuple(map(Network.parse, ("127.0.0.0/8", "::1/128")))
_KINDS: Final[Mapping[type[Type], str]] = {
    StringType: "string",
    SetType: "set",
    TimestampType: "timestamp",
    TimezoneType: "timezone",
    IpType: "ip",
}
_TEXT: Final[Parameter] = (StringType,)
_MOMENT: Final[tuple[Parameter, ...]] = ((TimestampType,), (TimezoneType,))

FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(
    {
        function.name: function
        for function in (
            Function("starts_with", (_TEXT, _TEXT), BoolType(), _starts_with),
            Function("ends_with", (_TEXT, _TEXT), BoolType(), _ends_with),
            Function("contains", (_TEXT, _TEXT), BoolType(), _contains),
            Function("lower", (_TEXT,), StringType(), _lower),
            Function("size", ((SetType, StringType),), IntType(), _size),
            Function("hour", _MOMENT, IntType(), _hour),
            Function("weekday", _MOMENT, IntType(), _weekday),
            Function("time_of_day", _MOMENT, DurationType(), _time_of_day),
            Function("is_private", ((IpType,),), BoolType(), _is_private),
            Function("is_loopback", ((IpType,),), BoolType(), _is_loopback),
        )
    }
)
"""Every function of the language, by name."""
