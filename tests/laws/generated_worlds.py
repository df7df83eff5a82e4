"""Generates stores and questions, as dirty as stores may get: cells missing or bad, rows missing, parents dangling,
rows expired, ways up that are too long or in a circle."""

from collections.abc import Mapping
from random import Random
from typing import Final

from policy_lang.facts import Assignment, Link, Question
from policy_lang.fixture_source import FixtureSource
from policy_lang.schema import Attribute, EntityType, Origin, Schema
from policy_lang.typed import EntityFixture
from policy_lang.values import BAD_VALUE, Cell, Record, Ref
from tests.laws.declarations import ROLES, SCHEMA
from tests.laws.generated_values import IDS, value_of

NOW: Final = 1_700_000_000_000
EXPIRIES: Final = (None, None, NOW, NOW + 1)


class World:
    """One store and whoever asks about it; the seed decides how dirty it is."""

    def __init__(self, seed: int, schema: Schema = SCHEMA) -> None:
        self.random = Random(seed)
        self.schema = schema
        self.dirt = self.random.choice((0.0, 0.05, 0.3))
        entities = [
            self._entity(declared, id_) for declared in schema.types.values() if declared.is_stored for id_ in IDS
        ]
        entities += self._tower()
        subjects = [entity.ref for entity in entities if entity.ref.type in {"User", "Team"}] + [Ref("Service", "a")]
        self.assignments = [self._assignment(subjects) for _ in range(self.random.randint(0, 12))]
        self.links = [self._link(subjects) for _ in range(self.random.randint(0, 8))]
        self.source = FixtureSource(entities, self.assignments, self.links)

    def question(self, resource_type: str, action: str) -> Question:
        """A question about something in the store, or about to be."""
        principal = Ref(self.random.choice(("User", "User", "User", "Service")), self.random.choice(IDS))
        is_new = self.schema.makes_row(resource_type, action)
        resource = Ref(resource_type, "new" if is_new and self.random.random() < 0.9 else self.random.choice(IDS))
        declared = self.schema.types[resource_type]
        given = {
            name: cell
            for name, cell in self._cells(declared).items()
            if is_new or declared.attributes[name].origin is Origin.REQUEST
        }
        return Question(
            principal=principal,
            action=action,
            resource=resource,
            now=NOW,
            principal_cells={
                name: cell
                for name, cell in self._cells(self.schema.types[principal.type]).items()
                if self.schema.types[principal.type].attributes[name].origin is Origin.CLAIM
            },
            resource_cells=given,
            resource_parents=self._parents(declared) if is_new else (),
            context={name: self._cell(attribute) for name, attribute in self.schema.context.items()} | {"now": NOW},
            claim_roles=(Assignment(principal, "m.auditor", None, None),) if self.random.random() < 0.2 else (),
        )

    def _entity(self, declared: EntityType, id_: str) -> EntityFixture:
        is_missing = self.random.random() < self.dirt
        return EntityFixture(
            Ref(declared.name, id_), None if is_missing else self._cells(declared), self._parents(declared)
        )

    def _tower(self) -> list[EntityFixture]:
        """Teams above one another, higher than counts, over team `a` now and then."""
        height = self.random.choice((0, 0, 0, 16, 18))
        return [EntityFixture(Ref("Team", f"t{at}"), {}, (Ref("Team", f"t{at + 1}"),)) for at in range(height)]

    def _parents(self, declared: EntityType) -> tuple[Ref, ...]:
        ids = (*IDS, "t0", "t2") if declared.name in {"Team", "User"} else IDS
        count = self.random.choice((0, 0, 1, 1, 2))
        return (
            tuple(Ref(self.random.choice(declared.parents), self.random.choice(ids)) for _ in range(count))
            if declared.parents
            else ()
        )

    def _cells(self, declared: EntityType) -> Mapping[str, Cell]:
        return {name: self._cell(attribute) for name, attribute in declared.attributes.items()}

    def _cell(self, attribute: Attribute) -> Cell:
        if self.random.random() < self.dirt:
            return self.random.choice((BAD_VALUE, attribute.gap))
        if attribute.is_optional and self.random.random() < 0.3:
            return attribute.gap
        if attribute.inside is not None:
            return Record(self._cells(attribute.inside))
        return value_of(self.random, attribute.type)

    def _assignment(self, subjects: list[Ref]) -> Assignment:
        role = self.random.choice(list(ROLES.values()))
        place = None if role.on is None else Ref(role.on, self.random.choice(IDS))
        return Assignment(self.random.choice(subjects), role.name, place, self.random.choice(EXPIRIES))

    def _link(self, subjects: list[Ref]) -> Link:
        relation, type_ = self.random.choice(list(SCHEMA.relations))
        resource = Ref(type_, self.random.choice((*IDS, "new")))
        return Link(resource, relation, self.random.choice(subjects), self.random.choice(EXPIRIES))
