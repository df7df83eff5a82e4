"""Reads facts for callers, in pages that go on after a key; what each may is looked up where the read sees it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, Select, Table, select, tuple_

from policy_lang.facts import Assignment, Link
from policy_lang.schema import Schema
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.dialect import plan_by_values, text_of
from service.db.engine import Database
from service.db.facts_tables import entity, relation_link, revision, role_assignment
from service.entities.elsewhere import NOWHERE, Elsewhere
from service.entities.exporter import parents_of
from service.entities.filters import Filter, conditions, of_tenant
from service.entities.forms import Form, Forms
from service.entities.stakes import Stakes
from service.errors import NotFound
from service.model import Caller
from service.permits import Act, Action
from service.ports import Gate, Policies, Visitor
from service.telemetry import get_log

ASSIGNMENT_KEY: Final = len(role_assignment.primary_key.columns)
"""Texts in the key of a role assignment."""
LINK_KEY: Final = len(relation_link.primary_key.columns)
"""Texts in the key of a row of a stored relation."""

_log = get_log("entities")


@dataclass(frozen=True, slots=True)
class Entities:
    """A page of entities in the given form, and the id after which the next begins: None on the last page."""

    forms: tuple[Form, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class Links:
    """A page of rows of stored relations, and the key after which the next begins: None on the last page."""

    found: tuple[Link, ...]
    next_after: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Assignments:
    """A page of role assignments, and the key after which the next begins: None on the last page."""

    found: tuple[Assignment, ...]
    next_after: tuple[str, ...] | None


class ReadableEntities:
    """Reads for callers that hold `entity.read` where the entity is; PermissionDenied before any other fault."""

    def __init__(self, database: Database, policies: Policies, gate: Gate, elsewhere: Elsewhere = NOWHERE) -> None:
        self._database = database
        self._policies = policies
        self._gate = gate
        self._elsewhere = elsewhere

    def get(self, caller: Caller, ref: Ref) -> tuple[Form, str]:
        """An entity, and a revision at which it was so; NotFound if there is none."""
        visitor, schema = self._gate.admit(caller), self._schema()
        details: dict[str, Json] = {"read": "entity"}
        mapped = self._mapped(visitor, [ref], details)
        with self._database.read() as connection:
            (tenant,) = Stakes(connection, schema, mapped).tenants([ref]).values()
            visitor.require([Act(Action.ENTITY_READ, ref, tenant, details=details)])
            self._elsewhere.refuse_type(ref.type)
            row = connection.execute(_ENTITY.where(entity.c.type == ref.type, entity.c.id == ref.id)).first()
            form = None if row is None else _forms(schema).entity(ref, row[2], parents_of(connection, [ref])[ref])
            if form is None:
                raise NotFound(f"there is no `{ref}`")
            return form, _revision(connection)

    def page(
        self,
        caller: Caller,
        type_: str,
        *,
        limit: int,
        after: str | None,
        tenant: Ref | None = None,
        filters: Sequence[Filter] = (),
    ) -> Entities:
        """Up to `limit` entities of a type by id, those after `after`, of one tenant, for which every filter holds.

        InvalidRequest for a filter that means nothing for the type.
        """
        visitor, schema = self._gate.admit(caller), self._schema()
        details: dict[str, Json] = {"read": "list"}
        if filters:
            details["filters"] = [f"{each.attribute} {each.comparison.value}" for each in filters]
        visitor.require([Act(Action.ENTITY_READ, Ref(type_, "*"), tenant, details=details)])
        self._elsewhere.refuse_type(type_)
        query = _ENTITY.where(entity.c.type == type_, *conditions(schema, type_, filters))
        if tenant is not None:
            query = query.where(of_tenant(schema, type_, tenant))
        if after is not None:
            query = query.where(entity.c.id > after)
        with self._database.read() as connection:
            plan_by_values(connection)
            rows = connection.execute(query.order_by(entity.c.id).limit(limit + 1)).all()
            refs = [Ref(type_, row[1]) for row in rows[:limit]]
            parents, forms = parents_of(connection, refs), _forms(schema)
            shown = [forms.entity(ref, row[2], parents[ref]) for ref, row in zip(refs, rows, strict=False)]
        next_after = refs[-1].id if len(rows) > limit else None
        return Entities(tuple(form for form in shown if form is not None), next_after)

    def assignments(
        self, caller: Caller, *, subject: Ref | None, place: Ref | None, limit: int, after: Sequence[str] | None
    ) -> Assignments:
        """Up to `limit` role assignments by subject, role and place; those of the built-in module are among them."""
        visitor, ends = self._gate.admit(caller), {"subject": subject, "place": place}
        details: dict[str, Json] = {"read": "assignments"}
        mapped = self._mapped(visitor, ends.values(), details)
        with self._database.read() as connection:
            visitor.require(self._acts(connection, ends.values(), details, mapped))
            rows = connection.execute(_keyed(role_assignment, ends, after).limit(limit + 1)).all()
        found = tuple(
            Assignment(
                Ref(row.subject_type, row.subject_id),
                row.role,
                Ref(row.place_type, row.place_id) if row.place_type else None,
                row.expires_at,
            )
            for row in rows[:limit]
        )
        return Assignments(found, _next_after(rows, limit, ASSIGNMENT_KEY))

    def relations(
        self,
        caller: Caller,
        *,
        limit: int,
        after: Sequence[str] | None,
        resource: Ref | None = None,
        relation: str | None = None,
        subject: Ref | None = None,
    ) -> Links:
        """Up to `limit` rows of stored relations by resource, relation and subject, expired ones too."""
        visitor, ends = self._gate.admit(caller), {"resource": resource, "subject": subject}
        details: dict[str, Json] = {"read": "relations", **({"relation": relation} if relation else {})}
        query = _keyed(relation_link, ends, after)
        if relation is not None:
            query = query.where(relation_link.c.relation == relation)
        mapped = self._mapped(visitor, ends.values(), details)
        with self._database.read() as connection:
            visitor.require(self._acts(connection, ends.values(), details, mapped))
            rows = connection.execute(query.limit(limit + 1)).all()
        found = tuple(
            Link(
                Ref(row.resource_type, row.resource_id),
                row.relation,
                Ref(row.subject_type, row.subject_id),
                row.expires_at,
            )
            for row in rows[:limit]
        )
        return Links(found, _next_after(rows, limit, LINK_KEY))

    def _mapped(
        self, visitor: Visitor, ends: Iterable[Ref | None], details: Mapping[str, Json]
    ) -> Mapping[Ref, Ref | None]:
        """The tenants of those that are mapped; for a caller that may read nothing no source is asked."""
        named = [ref for ref in ends if ref is not None]
        for ref in named:
            if ref.type in self._elsewhere.types:
                visitor.require_somewhere(Act(Action.ENTITY_READ, ref, details=details))
        return self._elsewhere.tenants_for(visitor, [Action.ENTITY_READ], self._schema(), named)

    def _acts(
        self, connection: Connection, ends: Iterable[Ref | None], details: Mapping[str, Json],
        mapped: Mapping[Ref, Ref | None],
    ) -> list[Act]:  # fmt: skip
        """Without an end it is about everybody, which takes `entity.read` everywhere."""
        named = [ref for ref in ends if ref is not None]
        if not named:
            return [Act(Action.ENTITY_READ, Ref("*", "*"), details=details)]
        tenants = Stakes(connection, self._schema(), mapped).tenants(named)
        return [Act(Action.ENTITY_READ, ref, tenant, details=details) for ref, tenant in tenants.items()]

    def _schema(self) -> Schema:
        return self._policies.active().bundle.program.schema


def _keyed(table: Table, ends: Mapping[str, Ref | None], after: Sequence[str] | None) -> Select[*tuple[object, ...]]:
    """The rows with those ends, in the order of their keys, after that key."""
    key = table.primary_key.columns
    query = select(table).order_by(*key)
    for end, ref in ends.items():
        if ref is not None:
            query = query.where(table.c[f"{end}_type"] == ref.type, table.c[f"{end}_id"] == ref.id)
    return query if after is None else query.where(tuple_(*key) > tuple_(*after))


def _next_after(rows: Sequence[Row[*tuple[object, ...]]], limit: int, length: int) -> tuple[str, ...] | None:
    """The key of a page's last row, where there is more behind it."""
    return tuple(map(str, rows[limit - 1][:length])) if len(rows) > limit else None


def _forms(schema: Schema) -> Forms:
    return Forms(schema, lambda what: _log.info("left_out", what=what))


def _revision(connection: Connection) -> str:
    epoch, number = connection.execute(select(revision.c.epoch, revision.c.n)).one()
    return f"{epoch}.{number}"


_ENTITY: Final = select(entity.c.type, entity.c.id, text_of(entity.c.attributes))
