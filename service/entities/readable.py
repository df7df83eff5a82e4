"""Reads facts for callers, in pages that go on after a key; what each may is looked up where the read sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, and_, select, tuple_

from policy_lang.facts import Assignment
from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.db.dialect import text_of
from service.db.engine import Database
from service.db.facts_tables import entity, revision, role_assignment
from service.entities.exporter import parents_of
from service.entities.forms import Form, Forms
from service.entities.stakes import Stakes
from service.errors import NotFound
from service.model import Caller
from service.permits import Act, Action
from service.ports import Gate, Policies
from service.telemetry import get_log

ASSIGNMENT_KEY: Final = len(role_assignment.primary_key.columns)
"""Texts in the key of a role assignment."""

_log = get_log("entities")


@dataclass(frozen=True, slots=True)
class Entities:
    """A page of entities in the given form, and the id after which the next begins: None on the last page."""

    forms: tuple[Form, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class Assignments:
    """A page of role assignments, and the key after which the next begins: None on the last page."""

    found: tuple[Assignment, ...]
    next_after: tuple[str, ...] | None


class ReadableEntities:
    """Reads for callers that hold `entity.read` where the entity is; PermissionDenied before any other fault."""

    def __init__(self, database: Database, policies: Policies, gate: Gate) -> None:
        self._database = database
        self._policies = policies
        self._gate = gate

    def get(self, caller: Caller, ref: Ref) -> tuple[Form, str]:
        """An entity, and a revision at which it was so; NotFound if there is none."""
        visitor, schema = self._gate.admit(caller), self._schema()
        with self._database.read() as connection:
            (tenant,) = Stakes(connection, schema).tenants([ref]).values()
            visitor.require([Act(Action.ENTITY_READ, ref, tenant, details={"read": "entity"})])
            row = connection.execute(_ENTITY.where(entity.c.type == ref.type, entity.c.id == ref.id)).first()
            form = None if row is None else _forms(schema).entity(ref, row[2], parents_of(connection, [ref])[ref])
            if form is None:
                raise NotFound(f"there is no `{ref}`")
            return form, _revision(connection)

    def page(self, caller: Caller, type_: str, *, tenant: Ref | None, limit: int, after: str | None) -> Entities:
        """Up to `limit` entities of a type by id, those after `after`; of one tenant, a page may hold fewer."""
        visitor, schema = self._gate.admit(caller), self._schema()
        visitor.require([Act(Action.ENTITY_READ, Ref(type_, "*"), tenant, details={"read": "list"})])
        query = _ENTITY.where(entity.c.type == type_).order_by(entity.c.id).limit(limit + 1)
        if after is not None:
            query = query.where(entity.c.id > after)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            refs = [Ref(type_, row[1]) for row in rows[:limit]]
            tenants = Stakes(connection, schema).tenants(refs)
            parents, forms = parents_of(connection, refs), _forms(schema)
            shown = [
                forms.entity(ref, row[2], parents[ref])
                for ref, row in zip(refs, rows, strict=False)
                if tenant is None or tenants[ref] == tenant
            ]
        next_after = refs[-1].id if len(rows) > limit else None
        return Entities(tuple(form for form in shown if form is not None), next_after)

    def assignments(
        self, caller: Caller, *, subject: Ref | None, place: Ref | None, limit: int, after: Sequence[str] | None
    ) -> Assignments:
        """Up to `limit` role assignments by subject, role and place; those of the built-in module are among them."""
        visitor = self._gate.admit(caller)
        key = role_assignment.primary_key.columns
        query = select(role_assignment).order_by(*key).limit(limit + 1)
        for end, ref in (("subject", subject), ("place", place)):
            if ref is not None:
                columns = role_assignment.c[f"{end}_type"], role_assignment.c[f"{end}_id"]
                query = query.where(and_(columns[0] == ref.type, columns[1] == ref.id))
        if after is not None:
            query = query.where(tuple_(*key) > tuple_(*after))
        with self._database.read() as connection:
            visitor.require(self._acts(connection, [ref for ref in (subject, place) if ref is not None]))
            rows = connection.execute(query).all()
        found = tuple(
            Assignment(
                Ref(row.subject_type, row.subject_id),
                row.role,
                Ref(row.place_type, row.place_id) if row.place_type else None,
                row.expires_at,
            )
            for row in rows[:limit]
        )
        return Assignments(found, tuple(map(str, rows[limit - 1][: len(key)])) if len(rows) > limit else None)

    def _acts(self, connection: Connection, ends: Sequence[Ref]) -> list[Act]:
        """Without an end it is about everybody, which takes `entity.read` everywhere."""
        details = {"read": "assignments"}
        if not ends:
            return [Act(Action.ENTITY_READ, Ref("*", "*"), details=details)]
        tenants = Stakes(connection, self._schema()).tenants(ends)
        return [Act(Action.ENTITY_READ, ref, tenant, details=details) for ref, tenant in tenants.items()]

    def _schema(self) -> Schema:
        return self._policies.active().bundle.program.schema


def _forms(schema: Schema) -> Forms:
    return Forms(schema, lambda what: _log.info("left_out", what=what))


def _revision(connection: Connection) -> str:
    epoch, number = connection.execute(select(revision.c.epoch, revision.c.n)).one()
    return f"{epoch}.{number}"


_ENTITY: Final = select(entity.c.type, entity.c.id, text_of(entity.c.attributes))
