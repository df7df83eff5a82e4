"""Reads, within a write's transaction, what is at stake in it: whose tenant's things it touches, whose roles it moves.

Law: a role of the built-in module that a team holds is held by all who are in the team, so whoever moves an entity into
a team or out of it gives or takes that role.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from policy_lang.facts import Assignment
from policy_lang.schema import Schema
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.dialect import each_of, text_of
from service.db.facts_tables import entity, entity_parent, role_assignment
from service.entities.changes import keys_of
from service.entities.decoding import load_document
from service.entities.hierarchy import above, missing
from service.permits import PREFIX


class Stakes:
    """Reads in one transaction, by one schema; `mapped` are the tenants of entities that stand elsewhere."""

    def __init__(
        self, connection: Connection, schema: Schema, mapped: Mapping[Ref, Ref | None] = MappingProxyType({})
    ) -> None:
        self._mapped = mapped
        self.connection = connection
        self._schema = schema

    def tenants(self, refs: Collection[Ref]) -> Mapping[Ref, Ref | None]:
        """The tenant of each entity as it is stored, or stands elsewhere; None where it has none, or is not there."""
        found = self.connection.execute(_ROWS, {"refs": keys_of(refs)})
        documents = {Ref(type_, id_): load_document(document) or {} for type_, id_, document in found}
        stored = {ref: tenant_of(self._schema, ref, documents.get(ref, {})) for ref in refs}
        return {ref: self._mapped.get(ref, tenant) for ref, tenant in stored.items()}

    def parents(self, ref: Ref) -> set[Ref]:
        """The parents that an entity has."""
        found = self.connection.execute(_EDGES, {"refs": keys_of([ref])})
        return {Ref(type_, id_) for type_, id_ in found}

    def is_there(self, ref: Ref) -> bool:
        """Whether there is such an entity."""
        return bool(self.there([ref]))

    def there(self, refs: Collection[Ref]) -> set[Ref]:
        """Those that are there."""
        return set(refs) - missing(self.connection, refs)

    def grants_above(self, refs: Collection[Ref]) -> list[Assignment]:
        """The roles of the module that those entities, or entities that they are in, hold."""
        if not refs:
            return []
        held = _HELD.where(_IS_GRANT)
        return _grants(self.connection.execute(held, {"refs": keys_of(above(self.connection, refs))}).all())

    def grants_of(self, ref: Ref) -> list[Assignment]:
        """The roles of the module that go with an entity: those it holds, and those held at it."""
        query = select(role_assignment).where(_IS_GRANT, or_(_is_at("subject", ref), _is_at("place", ref)))
        return _grants(self.connection.execute(query).all())


def tenant_of(schema: Schema, ref: Ref, stored: Mapping[str, Json]) -> Ref | None:
    """The tenant of an entity with those attributes in the stored form; a tenant is its own."""
    declared = schema.types.get(ref.type)
    if declared is not None and declared.is_tenant:
        return ref
    attribute = schema.tenant_attributes.get(ref.type)
    written = stored.get(attribute) if attribute is not None else None
    if not isinstance(written, str) or ":" not in written:
        return None
    type_, id_ = written.split(":", 1)
    return Ref(type_, id_)


def _grants(rows: Collection[tuple[object, ...]]) -> list[Assignment]:
    return [
        Assignment(Ref(str(row[0]), str(row[1])), str(row[2]), Ref(str(row[3]), str(row[4])) if row[3] else None, None)
        for row in rows
    ]


def _is_at(end: str, ref: Ref) -> ColumnElement[bool]:
    return and_(role_assignment.c[f"{end}_type"] == ref.type, role_assignment.c[f"{end}_id"] == ref.id)


_BATCH: Final = each_of("refs", ("type", "id"))
_ROWS: Final = select(entity.c.type, entity.c.id, text_of(entity.c.attributes)).select_from(
    _BATCH.rows.join(entity, _BATCH.matches(entity, ("type", "type"), ("id", "id")))
)
_EDGES: Final = select(entity_parent.c.parent_type, entity_parent.c.parent_id).select_from(
    _BATCH.rows.join(entity_parent, _BATCH.matches(entity_parent, ("type", "type"), ("id", "id")))
)
_HELD: Final = select(role_assignment).select_from(
    _BATCH.rows.join(role_assignment, _BATCH.matches(role_assignment, ("subject_type", "type"), ("subject_id", "id")))
)
_IS_GRANT: Final = role_assignment.c.role.startswith(PREFIX, autoescape=True)
