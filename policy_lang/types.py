"""The types of values."""

from collections.abc import Sequence
from dataclasses import dataclass

from policy_lang.values import Gap, gap_of

Json = None | bool | int | float | str | Sequence["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class BoolType:
    """True or false."""

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class IntType:
    """A whole number within ±(2^53−1)."""

    def __str__(self) -> str:
        return "int"


@dataclass(frozen=True, slots=True)
class DecimalType:
    """A number of at most 4 places, kept as whole ten-thousandths; exact."""

    def __str__(self) -> str:
        return "decimal"


@dataclass(frozen=True, slots=True)
class StringType:
    """Text: code points, equal only if identical; no order."""

    def __str__(self) -> str:
        return "string"


@dataclass(frozen=True, slots=True)
class EnumType:
    """One of the listed names; equal only to members of the same list."""

    members: tuple[str, ...]

    def __str__(self) -> str:
        return f"enum({', '.join(self.members)})"


@dataclass(frozen=True, slots=True)
class TimestampType:
    """An instant: milliseconds UTC, years 1–9999."""

    def __str__(self) -> str:
        return "timestamp"


@dataclass(frozen=True, slots=True)
class DurationType:
    """A length of time in milliseconds; `1d` is 24 hours."""

    def __str__(self) -> str:
        return "duration"


@dataclass(frozen=True, slots=True)
class TimezoneType:
    """A name in the pinned tzdata."""

    def __str__(self) -> str:
        return "timezone"


@dataclass(frozen=True, slots=True)
class IpType:
    """One address; an IPv4 address written as IPv6 is read as IPv4."""

    def __str__(self) -> str:
        return "ip"


@dataclass(frozen=True, slots=True)
class NetworkType:
    """A network without host bits."""

    def __str__(self) -> str:
        return "network"


@dataclass(frozen=True, slots=True)
class RefType:
    """A reference to an entity of one of the types, in the order of the text."""

    targets: tuple[str, ...]

    def __str__(self) -> str:
        return " | ".join(self.targets)


ScalarType = (
    BoolType | IntType | DecimalType | StringType | EnumType | TimestampType | DurationType | TimezoneType | IpType
    | NetworkType | RefType
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SetType:
    """A set of scalars or references: no order, no duplicates."""

    element: ScalarType

    def __str__(self) -> str:
        return f"set<{self.element}>"


@dataclass(frozen=True, slots=True)
class Field:
    """A declared field of a record. `is_given`: not the store but the request or a token brings it."""

    name: str
    type: "Type"
    is_optional: bool = False
    is_given: bool = False

    @property
    def gap(self) -> Gap:
        """What a read gives when it is not set."""
        return gap_of(is_optional=self.is_optional, is_given=self.is_given)

    def __str__(self) -> str:
        return f"{self.name}: {self.type}{'?' if self.is_optional else ''}"


@dataclass(frozen=True, slots=True)
class RecordType:
    """A record of declared fields, in the order of the text; read field by field, never whole."""

    fields: tuple[Field, ...]

    def __str__(self) -> str:
        return f"{{ {', '.join(map(str, self.fields))} }}"


Type = ScalarType | SetType | RecordType
