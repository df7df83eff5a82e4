"""Values of each type, few so that they meet, and the paths of each type that rules may read."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from policy_lang.schema import Attribute, Schema
from policy_lang.typed import Path, Root
from policy_lang.types import (
    BoolType,
    DecimalType,
    DurationType,
    IntType,
    IpType,
    NetworkType,
    RecordType,
    RefType,
    ScalarType,
    SetType,
    StringType,
    TimestampType,
    TimezoneType,
    Type,
)
from policy_lang.values import Ip, Network, Ref, Scalar, Value
from tests.laws.declarations import USER, VISIBILITY

IDS: Final = ("a", "b", "c")
VALUES: Final[dict[ScalarType, tuple[Scalar, ...]]] = {
    BoolType(): (True, False),
    IntType(): (-1, 0, 1, 2),
    DecimalType(): (-5_000, 0, 1, 10_000, 2**53 - 1),
    StringType(): ("", "eu", "us", "eu-west", "a", "b"),
    VISIBILITY: VISIBILITY.members,
    TimestampType(): (0, 1_700_000_000_000, 1_700_003_600_000, 253_402_300_799_999),
    DurationType(): (0, 3_600_000),
    TimezoneType(): ("Europe/Paris", "America/New_York", "UTC"),
    IpType(): tuple(map(Ip.parse, ("10.1.2.3", "11.0.0.1", "127.0.0.1", "2001:db8::1"))),
    NetworkType(): tuple(map(Network.parse, ("10.0.0.0/8", "10.1.2.3/32", "2001:db8::/32"))),
}
"""A few values of each type, so that they meet."""


def values_of(type_: ScalarType) -> tuple[Scalar, ...]:
    """The values that stand for a scalar type."""
    if isinstance(type_, RefType):
        return tuple(Ref(target, id_) for target in type_.targets for id_ in IDS)
    return VALUES[type_]


def value_of(random: Random, type_: Type) -> Value:
    """A value of a type."""
    if isinstance(type_, SetType):
        return frozenset(random.choice(values_of(type_.element)) for _ in range(random.randint(0, 3)))
    if isinstance(type_, RecordType):
        raise TypeError("a record is made of cells")
    return random.choice(values_of(type_))


def paths_of(resource_type: str, schema: Schema) -> dict[Type, list[Path]]:
    """Every path of up to four attributes that a rule on the type may read, by the type of what is there."""
    found: dict[tuple[Root, tuple[str, ...]], Path] = {}

    def descend(root: Root, steps: tuple[str, ...], places: Sequence[Mapping[str, Attribute]]) -> None:
        for attribute in [attribute for place in places for attribute in place.values()]:
            path = Path(root, (*steps, attribute.name), attribute.type)
            found.setdefault((root, path.steps), path)
            if len(path.steps) < 4:
                descend(root, path.steps, [behind.attributes for behind in schema.behind(attribute)])

    descend(Root.PRINCIPAL, (), [schema.types["User"].attributes, schema.types["Service"].attributes])
    descend(Root.RESOURCE, (), [schema.types[resource_type].attributes])
    descend(Root.CONTEXT, (), [schema.context])
    by_type: dict[Type, list[Path]] = {
        USER: [Path(Root.PRINCIPAL, (), RefType(("User", "Service")))],
        RefType((resource_type,)): [Path(Root.RESOURCE, (), RefType((resource_type,)))],
    }
    for path in sorted(found.values(), key=lambda path: (len(path.steps), str(path))):
        by_type.setdefault(path.type, []).append(path)
    return by_type
