"""What a bundle declares: entity types, actions, context, roles, stored relations."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Final

from policy_lang.types import RecordType, RefType, TimestampType, Type
from policy_lang.values import Cell, Gap, gap_of


class Origin(Enum):
    """Where the value of an attribute comes from; each has one source."""

    STORE = "store"
    REQUEST = "request"
    CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A declared attribute or context field. `claim` is the way into the token's claims."""

    name: str
    type: Type
    is_optional: bool = False
    origin: Origin = Origin.STORE
    claim: tuple[str, ...] = ()
    is_sensitive: bool = False

    @property
    def gap(self) -> Gap:
        """What a read gives when it is not set."""
        return gap_of(is_optional=self.is_optional, is_given=self.origin is not Origin.STORE)

    @property
    def inside(self) -> "EntityType | None":
        """Its record's fields, as if they were a type's attributes; None for what is no record."""
        if not isinstance(self.type, RecordType):
            return None
        fields = {
            field.name: replace(self, name=field.name, type=field.type, is_optional=field.is_optional)
            for field in self.type.fields
        }
        return EntityType(self.name, "", fields)


NOW: Final = Attribute("now", TimestampType(), origin=Origin.REQUEST)
"""`context.now`, which no bundle declares and every question has."""


@dataclass(frozen=True, slots=True)
class EntityType:
    """A declared type. `rows` says where its entities stand: in the store, or in no rows (request, token)."""

    name: str
    module: str
    attributes: Mapping[str, Attribute]
    parents: tuple[str, ...] = ()
    rows: Origin = Origin.STORE
    is_principal: bool = False
    is_tenant: bool = False
    is_listable: bool = False

    @property
    def is_stored(self) -> bool:
        """Whether its entities have rows."""
        return self.rows is Origin.STORE

    def complete(self, cells: Mapping[str, Cell]) -> dict[str, Cell]:
        """A cell for every declared attribute: the given ones, and gaps."""
        return {name: cells.get(name, attribute.gap) for name, attribute in self.attributes.items()}


@dataclass(frozen=True, slots=True)
class Role:
    """A declared role: its full name, the type it is assigned at (None: globally), and all it grants.

    `grants` (resource type → actions, groups expanded) and `included` (itself and every role that it includes) are
    closed over `includes`.
    """

    name: str
    on: str | None
    grants: Mapping[str, frozenset[str]]
    included: frozenset[str]


@dataclass(frozen=True, slots=True)
class StoredRelation:
    """A relation kept as rows: its full name, the type it stands on, the types its rows may lead to."""

    name: str
    on: str
    subjects: tuple[str, ...]


@dataclass(frozen=True)
class Schema:
    """All declarations of a bundle.

    `actions`: type → action → whether it makes a row (`new`). `relations`: (full name, type) → declaration; a computed
    relation is expanded where it is used and not listed.
    """

    types: Mapping[str, EntityType]
    actions: Mapping[str, Mapping[str, bool]]
    context: Mapping[str, Attribute]
    roles: Mapping[str, Role]
    relations: Mapping[tuple[str, str], StoredRelation]

    @cached_property
    def holders(self) -> Mapping[str, frozenset[str]]:
        """Role → itself and every role that includes it."""
        return {
            name: frozenset(other.name for other in self.roles.values() if name in other.included)
            for name in self.roles
        }

    def behind(self, attribute: Attribute) -> tuple[EntityType, ...]:
        """What a step behind it reads: the types that it leads to, or its record's fields."""
        if (inside := attribute.inside) is not None:
            return (inside,)
        targets = attribute.type.targets if isinstance(attribute.type, RefType) else ()
        return tuple(self.types[name] for name in targets if name in self.types)

    def makes_row(self, type_: str, action: str) -> bool:
        """Whether the action makes the resource, so that it must have no row yet."""
        return self.types[type_].is_stored and self.actions[type_][action]

    def granting(self, type_: str, action: str) -> frozenset[str]:
        """The roles that grant the action on the type."""
        return frozenset(role.name for role in self.roles.values() if action in role.grants.get(type_, ()))

    @cached_property
    def stored(self) -> frozenset[str]:
        """The types whose entities have rows."""
        return frozenset(name for name, declared in self.types.items() if declared.is_stored)

    @cached_property
    def rowless(self) -> frozenset[str]:
        """The types whose entities are declared to have none, so that none is missing."""
        return frozenset(self.types) - self.stored

    @cached_property
    def tenant_attributes(self) -> Mapping[str, str]:
        """Type → the attribute that holds its tenant: its one reference to the tenant type."""
        tenants = {declared.name for declared in self.types.values() if declared.is_tenant}
        return {
            declared.name: attribute.name
            for declared in self.types.values()
            for attribute in declared.attributes.values()
            if isinstance(attribute.type, RefType) and set(attribute.type.targets) <= tenants
        }
