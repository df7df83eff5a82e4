"""Writes admitted facts in a transaction that somebody else opens, in bulk, and tells what it changed at its end."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from time import time_ns
from typing import Final

import orjson
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    case,
    delete,
    or_,
    select,
    update,
)

from policy_lang.facts import Assignment, Link
from policy_lang.values import Ref
from service.db.dialect import each_of, upsert
from service.db.facts_tables import break_glass, entity, entity_parent, relation_link, role_assignment
from service.db.feed import LIMIT, Change, advance, assignment_change, entity_change, relation_change
from service.entities.admission import EntityFact

Edge = tuple[Ref, Ref]
"""A child and one of its parents."""
StoredRow = dict[str, str | int | None]
"""A row by the names of its columns."""


Tenancy = Callable[[Collection[Ref]], Mapping[Ref, Ref | None]]
"""Says of which tenant each entity is as it is stored now."""


def _unsaid(_: Collection[Ref]) -> Mapping[Ref, Ref | None]:
    return {}


class Changes:
    """The writes of one transaction. `advance` is to be the last: a revision taken early holds up every other write.

    With `tenancy`, each change says in whose tenants it is.
    """

    def __init__(self, connection: Connection, tenancy: Tenancy = _unsaid) -> None:
        self._connection = connection
        self._tenancy = tenancy
        self._changed: dict[Change, set[Ref] | None] = {}

    def put(self, facts: Sequence[EntityFact]) -> set[Ref]:
        """Writes entities over what is there; gives those that have a parent which they had not before."""
        latest = {fact.ref: fact for fact in facts}
        if not latest:
            return set()
        former = self._tenancy(latest)
        self._connection.execute(
            upsert(self._connection, entity),
            [{"type": ref.type, "id": ref.id, "attributes": dict(fact.attributes)} for ref, fact in latest.items()],
        )
        current = self._tenancy(latest)
        self._tell((entity_change(ref), _of(ref, former, current)) for ref in latest)
        before = self._edges(latest)
        after = {(fact.ref, parent) for fact in latest.values() for parent in fact.parents}
        gone, new = before - after, after - before
        if gone:
            self._connection.execute(_DELETE_EDGE, [_edge_row(edge, "at_") for edge in sorted(gone)])
        if new:
            self._connection.execute(upsert(self._connection, entity_parent), [_edge_row(edge) for edge in sorted(new)])
        return {child for child, _ in new}

    def delete(self, ref: Ref) -> bool:
        """Deletes an entity with its assignments and links, held and pointed at; false if it was not there.

        Emergency grants end and stay listed: else whoever may delete could make an alarm unsaid.
        """
        key = {"type_": ref.type, "id_": ref.id}
        # First the entity: it waits for those who hold its row to tie something to it, and then that is deleted too.
        former = self._tenancy([ref])
        was_there = self._connection.execute(_DELETE_ENTITY, key).rowcount > 0
        held = [Ref(*row) for row in self._connection.execute(_DELETE_ASSIGNMENTS, key)]
        ended = self._connection.execute(_END_EMERGENCIES, {**key, "now": time_ns() // 1_000_000})
        held += [Ref(*row) for row in ended]
        tied = [(Ref(row[0], row[1]), row[2]) for row in self._connection.execute(_DELETE_LINKS, key)]
        others = self._tenancy({*held, *(resource for resource, _ in tied)})
        self._tell([(entity_change(ref), _of(ref, former))])
        self._tell((assignment_change(subject), _of(ref, former) | _of(subject, others)) for subject in held)
        self._tell((relation_change(end, name), _of(ref, former) | _of(end, others)) for end, name in tied)
        return was_there

    def assign(self, assignments: Iterable[Assignment]) -> None:
        """Writes assignments; one that is there already gets the new expiry."""
        written = list(assignments)
        self._write(role_assignment, map(_assignment_row, written))
        self._tell_assigned(written)

    def relate(self, links: Iterable[Link]) -> None:
        """Writes rows of stored relations; one that is there already gets the new expiry."""
        written = list(links)
        self._write(relation_link, map(_link_row, written))
        self._tell_related(written)

    def unassign(self, assignment: Assignment) -> bool:
        """Deletes an assignment, whatever its expiry; false if it was not there."""
        self._tell_assigned([assignment])
        return self._remove(role_assignment, _assignment_row(assignment))

    def unrelate(self, link: Link) -> bool:
        """Deletes a row of a stored relation, whatever its expiry; false if it was not there."""
        self._tell_related([link])
        return self._remove(relation_link, _link_row(link))

    def advance(self) -> str:
        """Raises the revision by one and gives it, telling what was written; the last statements of a write."""
        known = {change: tenants for change, tenants in self._changed.items() if tenants is not None}
        return advance(self._connection, self._changed, known)

    def tell(self, changes: Iterable[Change]) -> None:
        """Takes note of what else has changed in the transaction, of no tenant."""
        self._tell((change, frozenset()) for change in changes)

    def _tell_assigned(self, written: Collection[Assignment]) -> None:
        of = self._tenancy({end for each in written for end in (each.subject, each.place) if end is not None})
        self._tell(
            (assignment_change(each.subject), _of(each.subject, of) | (_of(each.place, of) if each.place else set()))
            for each in written
        )

    def _tell_related(self, written: Collection[Link]) -> None:
        of = self._tenancy({end for link in written for end in (link.resource, link.subject)})
        self._tell(
            (relation_change(link.resource, link.relation), _of(link.resource, of) | _of(link.subject, of))
            for link in written
        )

    def _tell(self, changes: Iterable[tuple[Change, AbstractSet[Ref]]]) -> None:
        """Keeps what changed; beyond what is told apart, nothing more needs to be kept."""
        for change, tenants in changes:
            if len(self._changed) > LIMIT:
                return
            said = self._changed.get(change) or set()
            self._changed[change] = None if self._tenancy is _unsaid else said | tenants

    def _edges(self, children: Collection[Ref]) -> set[Edge]:
        found = self._connection.execute(_EDGES, {"refs": keys_of(children)})
        return {(Ref(row.type, row.id), Ref(row.parent_type, row.parent_id)) for row in found}

    def _write(self, table: Table, rows: Iterable[StoredRow]) -> None:
        written = list(rows)
        if written:
            self._connection.execute(upsert(self._connection, table), written)

    def _remove(self, table: Table, row: StoredRow) -> bool:
        same = and_(*(column == row[column.name] for column in table.primary_key.columns))
        return self._connection.execute(delete(table).where(same)).rowcount > 0


def keys_of(refs: Iterable[Ref]) -> str:
    """References as a batch parameter (`each_of`), each once."""
    return orjson.dumps([[ref.type, ref.id] for ref in dict.fromkeys(refs)]).decode()


def _edge_row(edge: Edge, prefix: str = "") -> dict[str, str]:
    child, parent = edge
    return {
        f"{prefix}type": child.type,
        f"{prefix}id": child.id,
        f"{prefix}parent_type": parent.type,
        f"{prefix}parent_id": parent.id,
    }


def _assignment_row(assignment: Assignment) -> StoredRow:
    place = assignment.place
    return {
        "subject_type": assignment.subject.type,
        "subject_id": assignment.subject.id,
        "role": assignment.role,
        "place_type": place.type if place else "",
        "place_id": place.id if place else "",
        "expires_at": assignment.expires_at,
    }


def _link_row(link: Link) -> StoredRow:
    return {
        "resource_type": link.resource.type,
        "resource_id": link.resource.id,
        "relation": link.relation,
        "subject_type": link.subject.type,
        "subject_id": link.subject.id,
        "expires_at": link.expires_at,
    }


def _of(ref: Ref, *known: Mapping[Ref, Ref | None]) -> set[Ref]:
    """The tenants that an entity is, or was, of."""
    return {tenant for each in known if (tenant := each.get(ref)) is not None}


def _tied(table: Table, *ends: str) -> ColumnElement[bool]:
    """Whether a row of the table has the entity at one of its ends."""
    return or_(*(and_(table.c[f"{end}_type"] == _TYPE, table.c[f"{end}_id"] == _ID) for end in ends))


_BATCH: Final = each_of("refs", ("type", "id"))
_EDGES: Final = select(entity_parent).select_from(
    _BATCH.rows.join(entity_parent, _BATCH.matches(entity_parent, ("type", "type"), ("id", "id")))
)
_DELETE_EDGE: Final = delete(entity_parent).where(
    *(column == bindparam(f"at_{column.name}") for column in entity_parent.columns)
)
_TYPE: Final[BindParameter[str]] = bindparam("type_")
_ID: Final[BindParameter[str]] = bindparam("id_")
_DELETE_ENTITY: Final = delete(entity).where(entity.c.type == _TYPE, entity.c.id == _ID)
_DELETE_ASSIGNMENTS: Final = (
    delete(role_assignment)
    .where(_tied(role_assignment, "subject", "place"))
    .returning(role_assignment.c.subject_type, role_assignment.c.subject_id)
)
_NOW: Final[BindParameter[int]] = bindparam("now", type_=BigInteger)
_END_EMERGENCIES: Final = (
    update(break_glass)
    .where(_tied(break_glass, "subject", "place"), break_glass.c.ended_at.is_(None))
    .values(ended_at=case((break_glass.c.expires_at < _NOW, break_glass.c.expires_at), else_=_NOW))
    .returning(break_glass.c.subject_type, break_glass.c.subject_id)
)
_DELETE_LINKS: Final = (
    delete(relation_link)
    .where(_tied(relation_link, "resource", "subject"))
    .returning(relation_link.c.resource_type, relation_link.c.resource_id, relation_link.c.relation)
)
