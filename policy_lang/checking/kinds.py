"""Which types go together: in comparisons, in sums, in defaults, and what to say where they do not."""

from collections.abc import Mapping
from typing import Final

from policy_lang.types import (
    DecimalType,
    DurationType,
    EnumType,
    IntType,
    RecordType,
    RefType,
    ScalarType,
    SetType,
    StringType,
    TimestampType,
    Type,
)

SUMS: Final[Mapping[tuple[bool, type[Type], type[Type]], Type]] = {
    (False, IntType, IntType): IntType(),
    (True, IntType, IntType): IntType(),
    (False, DecimalType, DecimalType): DecimalType(),
    (True, DecimalType, DecimalType): DecimalType(),
    (False, DurationType, DurationType): DurationType(),
    (True, DurationType, DurationType): DurationType(),
    (False, TimestampType, DurationType): TimestampType(),
    (False, DurationType, TimestampType): TimestampType(),
    (True, TimestampType, DurationType): TimestampType(),
    (True, TimestampType, TimestampType): DurationType(),
}
"""Whether it is a minus, and the types of both sides → the type of the sum."""

ORDERED: Final = (IntType, DecimalType, TimestampType, DurationType)
"""The types that have an order."""

_LITERAL_HELP: Final = {
    "decimal": "a decimal is written bare: `12.5`",
    "timestamp": "a time is written bare: `2026-01-05T10:00:00Z`",
    "duration": "a duration is written bare: `15m`",
    "ip": "an address is written bare: `10.1.2.3`",
    "network": "a network is written bare: `10.0.0.0/8`",
}


def fits(one: Type, other: Type) -> bool:
    """Whether values of both types can be equal: references that may meet, else the same type."""
    if isinstance(one, RefType) and isinstance(other, RefType):
        return not set(one.targets).isdisjoint(other.targets)
    return one == other


def either(one: Type, other: Type) -> Type:
    """The type of what is one or the other, which fit."""
    if isinstance(one, RefType) and isinstance(other, RefType):
        return RefType(tuple(dict.fromkeys((*one.targets, *other.targets))))
    return one


def scalar(type_: Type | None) -> ScalarType | None:
    """The type, unless it is a set's or a record's, or none."""
    return None if isinstance(type_, SetType | RecordType) else type_


def are_references(one: Type, other: Type) -> bool:
    """Whether both are references, to whatever."""
    return isinstance(one, RefType) and isinstance(other, RefType)


def with_article(type_: Type) -> str:
    """`an int`, `a string`."""
    text = str(type_)
    return f"{'an' if text[0] in 'aeiou' else 'a'} `{text}`"


def help_for_mix(left: Type, right: Type) -> str:
    """What to write instead, where a string or an int stands opposite something else."""
    kinds = {type(left), type(right)}
    if kinds == {IntType, DecimalType}:
        return "only a literal such as `3` may stand for a decimal"
    if kinds in ({IntType, TimestampType}, {IntType, DurationType}):
        return _LITERAL_HELP[str(right if isinstance(left, IntType) else left)]
    if not isinstance(left, StringType) and not isinstance(right, StringType):
        return ""
    other = left if isinstance(right, StringType) else right
    if isinstance(other, EnumType):
        return f"write a member bare: {', '.join(f'`{member}`' for member in other.members[:5])}"
    if isinstance(other, RefType):
        return f'write a reference `{other.targets[0]} "…"`, or compare its `.id`'
    return _LITERAL_HELP.get(str(other), "")
