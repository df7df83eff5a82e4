"""Which types, roles and relations come from which mapped source; what comes from none stands in the store.

Law (language.md, Facts): an attribute has one source; so has a type, a relation of a type, and a role: what the store
might still hold of it does not count.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import Final, TypeVar

from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.errors import ConfigError, DataError, FactsUnavailable
from service.permits import Action
from service.ports import Visitor
from service.source_settings import RoleSettings, SourceSettings

FetchTenants = Callable[[str, Schema, Collection[Ref]], Mapping[Ref, Ref | None]]
"""Reads of a source, by its name, of which tenants entities are that it holds; None for what has none."""


class Elsewhere:
    """What is mapped, by the settings, and what is to be known of it where something is written about it."""

    def __init__(self, sources: Mapping[str, SourceSettings], fetch_tenants: FetchTenants | None = None) -> None:
        """ConfigError where two sources hold the same. Where no source is at hand, nothing has a tenant."""
        self._fetch_tenants = fetch_tenants
        self.types: Final = _sole("type", sources, lambda source: source.types)
        """Type → its source."""
        self.relations: Final = _sole(
            "relation",
            sources,
            lambda source: {(each.relation, type_) for each in source.relations for type_ in each.resource.targets},
        )
        """Relation and resource's type → its source."""
        self.roles: Final = {
            role: name for name, source in sources.items() for each in source.roles for role in each.names
        }
        """Role → a source that holds it; such a role is held by what sources say alone."""
        self.subjects: Final = _all(sources, lambda each: each.subject.targets)
        """Type of who may hold a mapped role → the sources that say so."""
        self.places: Final = _all(sources, _places)
        """Type of where a mapped role is held, None for everywhere → the sources that say so."""

    def tenants(self, schema: Schema, refs: Iterable[Ref]) -> Mapping[Ref, Ref | None]:
        """The tenants of those that are mapped and have one, as their sources say now; FactsUnavailable."""
        if self._fetch_tenants is None:
            return {}
        asked: dict[str, list[Ref]] = {}
        for ref in refs:
            source = self.types.get(ref.type)
            if source is not None and ref.type in schema.tenant_attributes:
                asked.setdefault(source, []).append(ref)
        found: dict[Ref, Ref | None] = {}
        for source, those in asked.items():
            found.update(self._fetch_tenants(source, schema, those))
        return found

    def tenants_for(
        self, visitor: Visitor, actions: Collection[Action], schema: Schema, refs: Iterable[Ref]
    ) -> Mapping[Ref, Ref | None]:
        """The same for a caller; one that may do all of it everywhere waits for no source that does not answer."""
        try:
            return self.tenants(schema, refs)
        except FactsUnavailable:
            if not all(visitor.may(action, None) for action in actions):
                raise
            return {}

    def refuse_type(self, type_: str) -> None:
        """DataError where entities of the type are the application's alone."""
        source = self.types.get(type_)
        if source is not None:
            raise DataError(f"`{type_}` is mapped: its entities stand in the source `{source}`, and not in the store")

    def refuse_role(self, role: str) -> None:
        """DataError where the application alone gives the role."""
        source = self.roles.get(role)
        if source is not None:
            raise DataError(f"the role `{role}` is mapped: the application gives it, in the source `{source}`")

    def refuse_relation(self, relation: str, type_: str) -> None:
        """DataError where the application alone writes rows of the relation."""
        source = self.relations.get((relation, type_))
        if source is not None:
            raise DataError(
                f"the relation `{relation}` of `{type_}` is mapped: the application writes it, in the source `{source}`"
            )


Key = TypeVar("Key", bound=Hashable)
Sources = Mapping[str, SourceSettings]


def _sole(what: str, sources: Sources, held: Callable[[SourceSettings], Iterable[Key]]) -> dict[Key, str]:
    found: dict[Key, str] = {}
    for name, source in sources.items():
        for key in held(source):
            if found.setdefault(key, name) != name:
                raise ConfigError(f"the {what} `{key}` is in two sources, `{found[key]}` and `{name}`")
    return found


def _places(each: RoleSettings) -> tuple[str | None, ...]:
    return (None,) if each.at is None else each.at.targets


def _all(sources: Sources, held: Callable[[RoleSettings], Iterable[Key]]) -> dict[Key, tuple[str, ...]]:
    found: dict[Key, dict[str, None]] = {}
    for name, source in sources.items():
        for each in source.roles:
            for key in held(each):
                found.setdefault(key, {})[name] = None
    return {key: tuple(names) for key, names in found.items()}


NOWHERE: Final = Elsewhere({})
"""Nothing is mapped."""
