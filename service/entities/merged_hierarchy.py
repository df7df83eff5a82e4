"""Looks at the hierarchy as an import would leave it: stored parents, with those of staged entities in their place.

Whether something is wrong is one walk over all parents; only where it is, the way at fault is followed for its line.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    exists,
    literal_column,
    select,
    union_all,
)

from policy_lang.values import Ref
from service.db.dialect import each_of
from service.db.facts_tables import entity_parent, role_assignment
from service.db.staged_tables import same, staged_entity, staged_parent
from service.entities.changes import keys_of
from service.entities.hierarchy import DEPTH
from service.permits import PREFIX

Lines = Select[*tuple[object, ...]]
"""Lines of an import: `line`, and the `type` and `id` that it is about."""


def fault_of(connection: Connection) -> tuple[int, str] | None:
    """The line of an entity on a way up that would be too long, and what is wrong with it."""
    if connection.execute(_ADDED).first() is None:
        return None
    top = connection.execute(_TOO_HIGH).first()
    if top is None:
        return None
    way = _way_to(connection, Ref(top.type, top.id))
    found = connection.execute(_LINES, {"refs": keys_of(way)}).all()
    line, ref = min((row.line, Ref(row.type, row.id)) for row in found)
    if way.count(ref) > 1:
        return line, f"`{ref}` would be its own ancestor"
    return line, f"the way up through `{ref}` is longer than {DEPTH} parents"


def _way_to(connection: Connection, top: Ref) -> list[Ref]:
    """A way that leads to `top` from so far below that it is too long."""
    start = connection.execute(_BOTTOM, {"refs": keys_of([top])}).one()
    steps: list[dict[Ref, Ref]] = []
    level: Collection[Ref] = {Ref(start.type, start.id)}
    for _ in range(DEPTH + 1):
        found = connection.execute(_PARENTS_OF, {"refs": keys_of(level)})
        steps.append({Ref(row.parent_type, row.parent_id): Ref(row.type, row.id) for row in found})
        level = steps[-1].keys()
    way = [top]
    for step in reversed(steps):
        way.append(step[way[-1]])
    return way


def _refs(table: FromClause) -> tuple[ColumnElement[str], ColumnElement[str]]:
    return table.c.type, table.c.id


def _parents(table: FromClause) -> tuple[ColumnElement[str], ColumnElement[str]]:
    return table.c.parent_type, table.c.parent_id


def _equal(
    left: tuple[ColumnElement[str], ColumnElement[str]], right: tuple[ColumnElement[str], ColumnElement[str]]
) -> ColumnElement[bool]:
    return and_(left[0] == right[0], left[1] == right[1])


def _number(number: int) -> ColumnElement[int]:
    return literal_column(str(number))


def _named(type_: ColumnElement[str], id_: ColumnElement[str]) -> tuple[ColumnElement[str], ColumnElement[str]]:
    return type_.label("type"), id_.label("id")


_STAGED_EDGES: Final = select(*_refs(staged_parent), *_parents(staged_parent))
_REPLACED: Final = exists().where(_equal(_refs(staged_entity), _refs(entity_parent)))
_EDGES: Final = union_all(select(*entity_parent.columns).where(~_REPLACED), _STAGED_EDGES).cte("edges")
"""Each child and parent, as the import would leave them."""
_EVERY_EDGE: Final = union_all(select(*entity_parent.columns), _STAGED_EDGES).cte("every_edge")
"""Those that are there now, too."""

NEW_EDGES: Final = select(staged_parent).where(~exists().where(same(staged_parent, entity_parent)))
"""Parents that their children do not have yet."""
GONE_EDGES: Final = select(*entity_parent.columns, staged_entity.c.line).where(
    _equal(_refs(staged_entity), _refs(entity_parent)), ~exists().where(same(staged_parent, entity_parent))
)
"""Parents that their children will not have any more, with the children's lines."""


def _too_high() -> Select[str, str]:
    start = select(*_named(*_parents(_EDGES)), _number(1).label("step")).distinct()
    walk = start.cte("walk", recursive=True)
    walk = walk.union(
        select(*_parents(_EDGES), walk.c.step + _number(1)).where(
            _equal(_refs(_EDGES), _refs(walk)), walk.c.step <= _number(DEPTH)
        )
    )
    return select(walk.c.type, walk.c.id).where(walk.c.step > _number(DEPTH)).limit(1)


def _bottom() -> Select[str, str]:
    refs = each_of("refs", ("type", "id"))
    start = select(*_named(refs["type"], refs["id"]), _number(0).label("step")).select_from(refs.rows)
    walk: CTE = start.cte("walk", recursive=True)
    walk = walk.union(
        select(*_refs(_EDGES), walk.c.step + _number(1)).where(
            _equal(_parents(_EDGES), _refs(walk)), walk.c.step <= _number(DEPTH)
        )
    )
    return select(walk.c.type, walk.c.id).where(walk.c.step > _number(DEPTH)).limit(1)


def _moving_grants() -> Lines:
    is_grant = role_assignment.c.role.startswith(PREFIX, autoescape=True)
    holders = select(*_named(role_assignment.c.subject_type, role_assignment.c.subject_id)).where(is_grant)
    below = holders.cte("below", recursive=True)
    below = below.union(select(*_refs(_EVERY_EDGE)).where(_equal(_parents(_EVERY_EDGE), _refs(below))))
    edges = (NEW_EDGES.subquery("new_edges"), GONE_EDGES.subquery("gone_edges"))
    moved = union_all(*(select(each.c.line, *_parents(each)) for each in edges)).subquery("moved")
    return select(moved.c.line, *_named(*_parents(moved))).join(below, _equal(_parents(moved), _refs(below)))


_BATCH: Final = each_of("refs", ("type", "id"))
_IN_BATCH: Final = (("type", "type"), ("id", "id"))
_ADDED: Final = NEW_EDGES.limit(1)
_TOO_HIGH: Final = _too_high()
_BOTTOM: Final = _bottom()
_PARENTS_OF: Final = select(*_EDGES.columns).select_from(_BATCH.rows.join(_EDGES, _BATCH.matches(_EDGES, *_IN_BATCH)))
_LINES: Final = (
    select(staged_entity.c.line, *_refs(staged_entity))
    .select_from(_BATCH.rows.join(staged_entity, _BATCH.matches(staged_entity, *_IN_BATCH)))
    .where(exists().where(_equal(_refs(staged_parent), _refs(staged_entity))))
)
MOVING_GRANTS: Final = _moving_grants()
"""Lines by which an entity comes into, or leaves, what holds roles of the built-in module; and what that is."""
