"""Values as the client takes and gives them, and their form on the wire.

Law: what is read back is what was written, where the wire tells kinds apart (bool, int, str, reference, set,
record). Times, durations, decimals, addresses and networks are written as strings and read back as such: only the
policies know their type.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from magistrate.v1 import types_pb2

INT_LIMIT: Final = 2**53 - 1
"""Ints lie within ± this, at every entrance of the service."""


class BadValue(ValueError):
    """A value that cannot be asked with; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class EntityRef:
    """A reference to one entity, such as `EntityRef("User", "alice")`; equal when type and id are."""

    type: str
    id: str

    @classmethod
    def parse(cls, text: str) -> "EntityRef":
        """The reference that `Type:id` names; BadValue if either is missing. The id may have colons of its own."""
        type_, _, id_ = text.partition(":")
        if not type_ or not id_:
            raise BadValue(f"expected `Type:id`, not `{text}`")
        return cls(type_, id_)

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


Scalar = bool | int | str | EntityRef
Value = Scalar | frozenset[Scalar] | Mapping[str, "Value"]
"""What the service's values become; a mapping is a record."""

GivenScalar = Scalar | Decimal | datetime | timedelta | IPv4Address | IPv6Address | IPv4Network | IPv6Network
Given = (
    GivenScalar | AbstractSet[GivenScalar] | list[GivenScalar] | tuple[GivenScalar, ...] | Mapping[str, "Given"] | None
)
"""What may be asked with. A list or tuple is a set written down, a mapping a record; None is "not set"."""


def write_value(given: Given, target: types_pb2.Value) -> None:
    """Fills an empty wire value; BadValue says why it cannot be."""
    if isinstance(given, AbstractSet | list | tuple):
        target.set_value.SetInParent()
        elements = target.set_value.values
        for element in given:
            _write_scalar(element, elements.add())
    elif isinstance(given, Mapping):
        target.record_value.SetInParent()
        for name, field in given.items():
            write_value(field, target.record_value.fields[name])
    elif given is not None:
        _write_scalar(given, target)


def read_value(value: types_pb2.Value) -> Value | None:
    """The value; None where it is not set, or of a kind that this client does not know."""
    match value.WhichOneof("kind"):
        case "set_value":
            return _read_set(value.set_value)
        case "record_value":
            return _read_record(value.record_value)
        case _:
            return _read_scalar(value)


def _read_set(value: types_pb2.ValueSet) -> Value | None:
    elements = [_read_scalar(element) for element in value.values]
    read = frozenset(element for element in elements if element is not None)
    # One bad element breaks a set (language.md, Types): a smaller set would say something else.
    return None if None in elements else read


def _read_record(value: types_pb2.ValueRecord) -> Value:
    """The fields that are set."""
    read = {name: read_value(field) for name, field in value.fields.items()}
    return {name: field for name, field in read.items() if field is not None}


def format_duration(duration: timedelta) -> str:
    """The duration as policies write it, such as `1h30m`; finer than a millisecond is floored."""
    rest = duration // timedelta(milliseconds=1)
    if rest < 0:
        raise BadValue("a duration is not negative")
    parts = []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def format_timestamp(moment: datetime) -> str:
    """The moment as RFC 3339 in UTC; finer than a millisecond is floored, an offset is required."""
    if moment.utcoffset() is None:
        raise BadValue("a datetime needs its time zone")
    try:
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        raise BadValue("a datetime lies in the years 1–9999 of UTC") from None


def format_decimal(number: Decimal) -> str:
    """The number as policies read it, such as `12.5`; more than four places are refused, never rounded."""
    try:
        is_fit = abs(number.scaleb(4, _EXACT).to_integral_exact(context=_EXACT)) <= INT_LIMIT
    except DecimalException:
        is_fit = False
    if not is_fit:
        raise BadValue(f"a decimal has at most 4 places and lies within ±900719925474.0991, not `{number}`")
    return f"{number.normalize(_EXACT):f}"


_EXACT: Final = Context(prec=40, traps=[Inexact, InvalidOperation])
_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


def _write_scalar(given: GivenScalar, target: types_pb2.Value) -> None:
    match given:
        case bool():
            target.bool_value = given
        case int():
            if not -INT_LIMIT <= given <= INT_LIMIT:
                raise BadValue("an int lies within ±(2^53−1)")
            target.int_value = given
        case str():
            target.string_value = given
        case EntityRef():
            target.ref_value.type = given.type
            target.ref_value.id = given.id
        case Decimal():
            target.string_value = format_decimal(given)
        case datetime():
            target.string_value = format_timestamp(given)
        case timedelta():
            target.string_value = format_duration(given)
        case IPv4Address() | IPv6Address() | IPv4Network() | IPv6Network():
            target.string_value = str(given)
        case _:
            raise BadValue(
                f"expected a bool, int, Decimal, string, reference, time, address or a set of them, not `{given!r}`"
            )


def _read_scalar(value: types_pb2.Value) -> Scalar | None:
    match value.WhichOneof("kind"):
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "string_value":
            return value.string_value
        case "ref_value":
            return EntityRef(value.ref_value.type, value.ref_value.id)
        case _:
            return None
