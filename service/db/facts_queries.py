"""The reads of the facts, each one statement whatever the size of its batch, compiled once for a database."""

from typing import Final

from sqlalchemy import ColumnElement, CompoundSelect, FromClause, Select, literal_column, select, tuple_

from service.db.dialect import Batch, each_of, text_of, texts_of
from service.db.engine import Database, Prepared
from service.db.facts_tables import break_glass, entity, entity_parent, relation_link, revision, role_assignment

STEPS: Final = 17
"""How far up the parents a read goes: one step further than a write allows, so that too deep is seen."""

_COLON: Final[ColumnElement[str]] = literal_column("':'")
_PAIR: Final = ("type", "id")


class FactQueries:
    """The prepared reads.

    References go in as JSON lists: `[[type, id], …]`; for `links`, ends are `[[type, id, relation], …]`.
    """

    def __init__(self, database: Database) -> None:
        self.revision: Prepared[tuple[str, int]] = database.prepare(select(revision.c.epoch, revision.c.n))
        self.rows: Prepared[tuple[str, str, str, str | None]] = database.prepare(_rows())
        """`refs` → type, id, attributes, parents as a JSON list of `Type:id`."""
        self.ancestry: Prepared[tuple[str, str, int | None, str | None]] = database.prepare(_ancestry())
        """`refs` → type, id, 1 if there is a row, parents as a JSON list of `Type:id`; of each and its ancestors."""
        self.assignments: Prepared[AssignmentRow] = database.prepare(_assignments("subject"))
        """`refs` of subjects → subject's type and id, role, place's type and id, expiry, emergency's id or empty."""
        self.assignments_at: Prepared[AssignmentRow] = database.prepare(_assignments("place"))
        """`refs` of places → the same."""
        self.links: Prepared[LinkRow] = database.prepare(_links())
        """`ends` → resource's type and id, relation, subject's type and id, expiry."""
        self.links_to: Prepared[LinkRow] = database.prepare(_links_to())
        """`ends`, `refs` of subjects → the same."""


AssignmentRow = tuple[str, str, str, str, str, int | None, str]
LinkRow = tuple[str, str, str, str, str, int | None]


def _parents_of(child: FromClause) -> ColumnElement[str]:
    parents = select(texts_of(entity_parent.c.parent_type + _COLON + entity_parent.c.parent_id))
    return parents.where(entity_parent.c.type == child.c.type, entity_parent.c.id == child.c.id).scalar_subquery()


def _rows() -> Select[*tuple[object, ...]]:
    refs = each_of("refs", _PAIR)
    return select(entity.c.type, entity.c.id, text_of(entity.c.attributes), _parents_of(entity)).select_from(
        refs.rows.join(entity, _is(entity, refs))
    )


def _ancestry() -> Select[*tuple[object, ...]]:
    refs = each_of("refs", _PAIR)
    zero: ColumnElement[int] = literal_column("0")
    start = select(refs["type"].label("type"), refs["id"].label("id"), zero.label("step"))
    walk = start.select_from(refs.rows).cte("walk", recursive=True)
    # UNION, not UNION ALL: a node that many ways lead to is walked from once a step.
    walk = walk.union(
        select(entity_parent.c.parent_type, entity_parent.c.parent_id, walk.c.step + literal_column("1")).where(
            entity_parent.c.type == walk.c.type,
            entity_parent.c.id == walk.c.id,
            walk.c.step < literal_column(str(STEPS)),
        )
    )
    nodes = select(walk.c.type, walk.c.id).distinct().subquery("nodes")
    one: ColumnElement[int] = literal_column("1")
    row = select(one).where(entity.c.type == nodes.c.type, entity.c.id == nodes.c.id)
    return select(nodes.c.type, nodes.c.id, row.scalar_subquery(), _parents_of(nodes))


def _assignments(end: str) -> CompoundSelect[*tuple[object, ...]]:
    """The usual ones, and those of emergencies that nobody has ended."""
    refs, keys = each_of("refs", _PAIR), ((f"{end}_type", "type"), (f"{end}_id", "id"))
    none: ColumnElement[str] = literal_column("''")
    usual = select(*role_assignment.columns, none).select_from(
        refs.rows.join(role_assignment, refs.matches(role_assignment, *keys))
    )
    same = [break_glass.c[column.name] for column in role_assignment.columns]
    broken = select(*same, break_glass.c.id).select_from(refs.rows.join(break_glass, refs.matches(break_glass, *keys)))
    return usual.union_all(broken.where(break_glass.c.ended_at.is_(None)))


def _links() -> Select[*tuple[object, ...]]:
    ends = each_of("ends", (*_PAIR, "relation"))
    return select(*relation_link.columns).select_from(ends.rows.join(relation_link, _ends_at(ends)))


def _links_to() -> Select[*tuple[object, ...]]:
    refs = each_of("refs", _PAIR)
    subjects = select(refs["type"], refs["id"]).select_from(refs.rows)
    return _links().where(tuple_(relation_link.c.subject_type, relation_link.c.subject_id).in_(subjects))


def _is(table: FromClause, refs: Batch) -> ColumnElement[bool]:
    return refs.matches(table, ("type", "type"), ("id", "id"))


def _ends_at(ends: Batch) -> ColumnElement[bool]:
    return ends.matches(relation_link, ("resource_type", "type"), ("resource_id", "id"), ("relation", "relation"))
