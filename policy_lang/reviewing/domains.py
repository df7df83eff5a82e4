"""The values worth trying for what rules read: members of enums, both booleans, and those around the literals compared.

Attributes that are compared with each other try each other's values.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, assert_never

from policy_lang.notation import DURATION_LIMIT, INT_LIMIT
from policy_lang.reviewing.compared import Collector, Compared, Key
from policy_lang.reviewing.imagined import NOW_FIELD, Choice, Field, Variable, declared_at, is_always_set
from policy_lang.reviewing.samples import OTHER_ZONE, addresses, moments, named, numbers, refs, sets, strings
from policy_lang.reviewing.weighing import Side, roots
from policy_lang.schema import Attribute
from policy_lang.types import (
    BoolType,
    DecimalType,
    DurationType,
    EnumType,
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
)
from policy_lang.values import Network, Ref
from policy_lang.walk import nodes

_ENUM_LIMIT: Final = 16
_NETWORKS: Final = tuple(map(Network.parse, ("10.0.0.0/8", "203.0.113.0/24")))


class Domains:
    """What to try, over the rules of both sides."""

    def __init__(self, sides: Sequence[Side]) -> None:
        self._sides = sides
        self._classes: dict[Key, Compared] = {}
        for side in sides:
            collector = Collector(side, self._classes)
            for folded in side.rules.values():
                for node in nodes(*roots(folded)):
                    collector.meet(node)
        self._paths_to = Counter(target for key in self._classes for target in self._targets(key))

    def attribute(self, variable: Field) -> Attribute:
        """The declaration that choices are made by: the newer one, where there is one."""
        for side in reversed(self._sides):
            if variable.owner is None:
                attributes: Mapping[str, Attribute] = {**side.schema.context, "now": NOW_FIELD}
            else:
                declared = side.schema.types.get(variable.owner.type)
                attributes = {} if declared is None else declared.attributes
            found = declared_at(attributes, variable.name)
            if found is not None:
                return found
        raise KeyError(variable)

    def principals(self) -> tuple[Ref, ...]:
        """Who may ask: anybody, and those that the rules name."""
        return self._entities(self._sides[-1].case.principal_type)

    def resources(self, principal: Ref) -> tuple[Ref, ...]:
        """What may be asked about: anything, what the rules name, and the principal itself where it has that type."""
        type_ = self._sides[-1].case.resource_type
        found = tuple(ref for ref in self._entities(type_) if ref != principal)
        if not found:
            found = (Ref(type_, f"other-{type_.lower()}"),)
        return (*found, principal) if principal.type == type_ else found

    def choices(self, variable: Variable, principal: Ref, resource: Ref) -> tuple[Choice, ...]:
        """What a variable may be, the plainest first."""
        if not isinstance(variable, Field):
            return (False, True)
        attribute = self.attribute(variable)
        key = ("" if variable.owner is None else variable.owner.type, variable.name)
        found = self._classes.get(key, Compared({key}))
        if isinstance(attribute.type, RecordType):
            choices: tuple[Choice, ...] = (True,)
        elif isinstance(attribute.type, SetType):
            elements = self._scalars(attribute.type.element, found, principal, resource)
            choices = tuple(sets(elements, found))
        else:
            choices = tuple(self._scalars(attribute.type, found, principal, resource))
        return choices if is_always_set(attribute) or attribute is NOW_FIELD else (*choices, None)

    def _targets(self, key: Key) -> set[str]:
        """The types that an attribute may lead to."""
        type_, name = key
        targets: set[str] = set()
        for side in self._sides:
            declared = side.schema.types.get(type_)
            attributes = side.schema.context if declared is None else declared.attributes
            found = declared_at(attributes, name)
            targets |= set(found.type.targets) if found is not None and isinstance(found.type, RefType) else set()
        return targets

    def _entities(self, type_: str) -> tuple[Ref, ...]:
        found = named(type_, self._classes.get((type_, ""), Compared()))
        return (Ref(type_, type_.lower()), *sorted(found))

    def _scalars(self, type_: ScalarType, found: Compared, principal: Ref, resource: Ref) -> Iterator[Choice]:
        match type_:
            case BoolType():
                yield from (False, True)
            case EnumType():
                mentioned = [member for member in type_.members if member in found.values]
                others = [member for member in type_.members if member not in mentioned]
                yield from (mentioned + others)[: max(_ENUM_LIMIT, len(mentioned) + 1)]
            case IntType() | DecimalType():
                yield from numbers(found, -INT_LIMIT, INT_LIMIT)
            case DurationType():
                yield from numbers(found, 0, DURATION_LIMIT)
            case TimestampType():
                yield from moments(found)
            case StringType():
                yield from strings(found)
            case TimezoneType():
                zones = {value for value in found.values if isinstance(value, str)}
                yield from sorted({"UTC", OTHER_ZONE, *zones}, key=lambda zone: (zone != "UTC", zone))
            case IpType():
                yield from addresses(found)
            case NetworkType():
                networks = {value for value in found.values if isinstance(value, Network)}
                yield from sorted({*_NETWORKS, *networks})
            case RefType():
                yield from dict.fromkeys(refs(type_, found, self._paths_to, (principal, resource)))
            case _:
                assert_never(type_)
