"""Writes admitted facts in a transaction that somebody else opens, in bulk, and raises the revision at its end."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import orjson
from sqlalchemy import BindParameter, Connection, Table, and_, bindparam, delete, or_, select, update

from policy_lang.facts import Assignment, Link
from policy_lang.values import Ref
from service.db.dialect import each_of, upsert
from service.db.facts_tables import entity, entity_parent, relation_link, revision, role_assignment
from service.entities.admission import EntityFact
from service.errors import FactsUnavailable

Edge = tuple[Ref, Ref]
"""A child and one of its parents."""


class Changes:
    """The writes of one transaction. `advance` is to be the last: a revision taken early holds up every other write."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, facts: Sequence[EntityFact]) -> set[Ref]:
        """Writes entities over what is there; gives those that have a parent which they had not before."""
        latest = {fact.ref: fact for fact in facts}
        if not latest:
            return set()
        self._connection.execute(
            upsert(self._connection, entity),
            [{"type": ref.type, "id": ref.id, "attributes": dict(fact.attributes)} for ref, fact in latest.items()],
        )
        before = self._edges(latest)
        after = {(fact.ref, parent) for fact in latest.values() for parent in fact.parents}
        gone, new = before - after, after - before
        if gone:
            self._connection.execute(_DELETE_EDGE, [_edge_row(edge, "at_") for edge in sorted(gone)])
        if new:
            self._connection.execute(upsert(self._connection, entity_parent), [_edge_row(edge) for edge in sorted(new)])
        return {child for child, _ in new}

    def delete(self, ref: Ref) -> bool:
        """Deletes an entity with its assignments and links, held and pointed at; false if it was not there."""
        key = {"type_": ref.type, "id_": ref.id}
        # First the entity: it waits for those who hold its row to tie something to it, and then that is deleted too.
        was_there = self._connection.execute(_DELETE_ENTITY, key).rowcount > 0
        for statement in _DELETE_ENDS:
            self._connection.execute(statement, key)
        return was_there

    def assign(self, assignments: Iterable[Assignment]) -> None:
        """Writes assignments; one that is there already gets the new expiry."""
        self._write(role_assignment, [_assignment_row(assignment) for assignment in assignments])

    def relate(self, links: Iterable[Link]) -> None:
        """Writes rows of stored relations; one that is there already gets the new expiry."""
        self._write(relation_link, [_link_row(link) for link in links])

    def unassign(self, assignment: Assignment) -> bool:
        """Deletes an assignment, whatever its expiry; false if it was not there."""
        return self._remove(role_assignment, _assignment_row(assignment))

    def unrelate(self, link: Link) -> bool:
        """Deletes a row of a stored relation, whatever its expiry; false if it was not there."""
        return self._remove(relation_link, _link_row(link))

    def advance(self) -> str:
        """Raises the revision by one and gives it; the last statement of a write."""
        found = self._connection.execute(_ADVANCE).one_or_none()
        if found is None:
            raise FactsUnavailable("the facts have no revision: their tables are not complete")
        return f"{found.epoch}.{found.n}"

    def _edges(self, children: Collection[Ref]) -> set[Edge]:
        found = self._connection.execute(_EDGES, {"refs": keys_of(children)})
        return {(Ref(row.type, row.id), Ref(row.parent_type, row.parent_id)) for row in found}

    def _write(self, table: Table, rows: list[dict[str, str | int | None]]) -> None:
        if rows:
            self._connection.execute(upsert(self._connection, table), rows)

    def _remove(self, table: Table, row: dict[str, str | int | None]) -> bool:
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


def _assignment_row(assignment: Assignment) -> dict[str, str | int | None]:
    place = assignment.place
    return {
        "subject_type": assignment.subject.type,
        "subject_id": assignment.subject.id,
        "role": assignment.role,
        "place_type": place.type if place else "",
        "place_id": place.id if place else "",
        "expires_at": assignment.expires_at,
    }


def _link_row(link: Link) -> dict[str, str | int | None]:
    return {
        "resource_type": link.resource.type,
        "resource_id": link.resource.id,
        "relation": link.relation,
        "subject_type": link.subject.type,
        "subject_id": link.subject.id,
        "expires_at": link.expires_at,
    }


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
_DELETE_ENDS: Final = tuple(
    delete(table).where(or_(*(and_(table.c[f"{end}_type"] == _TYPE, table.c[f"{end}_id"] == _ID) for end in ends)))
    for table, ends in ((role_assignment, ("subject", "place")), (relation_link, ("resource", "subject")))
)
_ADVANCE: Final = update(revision).values(n=revision.c.n + 1).returning(revision.c.epoch, revision.c.n)
