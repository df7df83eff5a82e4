"""Keeps the parents of entities a hierarchy: every parent is there, no cycle, no way up longer than 16 (language.md).

Two writes that are right alone could make a cycle together, so those that add parents, or delete, wait for each other.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import CTE, ColumnElement, Connection, Select, exists, func, literal_column, select

from policy_lang.values import Ref
from service.db.dialect import each_of, walk_by_index
from service.db.facts_tables import entity, entity_parent
from service.entities.changes import keys_of

DEPTH: Final = 16
"""Steps from an entity to its furthest ancestor, at most."""
HIERARCHY_LOCK: Final = 0x6D61_6769_0008
"""The advisory lock of writes that add parents or delete entities."""


def missing(connection: Connection, refs: Collection[Ref]) -> set[Ref]:
    """Those references that have no row."""
    return set(refs) - _refs(connection, _FOUND, refs)


def hold(connection: Connection, refs: Collection[Ref]) -> set[Ref]:
    """Keeps the rows of the references until the transaction ends, and gives those that have none."""
    return set(refs) - _refs(connection, _HELD, refs)


def above(connection: Connection, refs: Collection[Ref]) -> set[Ref]:
    """Those references and all their ancestors."""
    found = connection.execute(_UP, {"refs": keys_of(refs)})
    return set(refs) | {Ref(row.type, row.id) for row in found}


def parents_among(connection: Connection, refs: Collection[Ref]) -> set[Ref]:
    """Those references that some entity has as a parent."""
    return _refs(connection, _WITH_CHILD, refs)


def is_sound_at(connection: Connection, refs: Collection[Ref]) -> bool:
    """Whether nothing can be wrong with the ways through any of them; where false, `fault_at` says of each."""
    if not refs:
        return True
    start = {"refs": keys_of(refs)}
    walk_by_index(connection)
    up = max(node.step for node in connection.execute(_UP, start))
    return bool(up <= DEPTH and up + connection.execute(_DOWN, start).scalar_one() <= DEPTH)


def fault_at(connection: Connection, ref: Ref) -> str | None:
    """What is wrong with the ways that lead through that entity, or None."""
    start = {"refs": keys_of([ref])}
    walk_by_index(connection)
    above = connection.execute(_UP, start).all()
    if any(node.step and Ref(node.type, node.id) == ref for node in above):
        return f"`{ref}` would be its own ancestor"
    up = max(node.step for node in above)
    if up > DEPTH or up + connection.execute(_DOWN, start).scalar_one() > DEPTH:
        return f"the way up through `{ref}` is longer than {DEPTH} parents"
    return None


def _refs(connection: Connection, statement: Select[str, str], refs: Collection[Ref]) -> set[Ref]:
    if not refs:
        return set()
    return {Ref(row.type, row.id) for row in connection.execute(statement, {"refs": keys_of(refs)})}


def _number(number: int) -> ColumnElement[int]:
    return literal_column(str(number))


def _walk(start: Select[str, str, int], along: tuple[str, str], to: tuple[str, str]) -> CTE:
    """The nodes that the start leads to, and the steps there, up to one more than is allowed."""
    walk = start.cte("walk", recursive=True)
    edges = entity_parent.c
    return walk.union(
        select(edges[to[0]], edges[to[1]], walk.c.step + _number(1)).where(
            edges[along[0]] == walk.c.type, edges[along[1]] == walk.c.id, walk.c.step <= _number(DEPTH)
        )
    )


_CHILDREN: Final = ("type", "id")
_PARENTS: Final = ("parent_type", "parent_id")
_BATCH: Final = each_of("refs", _CHILDREN)
_START: Final = select(_BATCH["type"].label("type"), _BATCH["id"].label("id"), _number(0).label("step")).select_from(
    _BATCH.rows
)

_FOUND: Final = select(entity.c.type, entity.c.id).select_from(
    _BATCH.rows.join(entity, _BATCH.matches(entity, ("type", "type"), ("id", "id")))
)
# In one order for everybody, so that two who hold the same rows never wait for each other.
_HELD: Final = _FOUND.order_by(entity.c.type, entity.c.id).with_for_update(read=True, key_share=True, of=entity)
_WITH_CHILD: Final = (
    select(_BATCH["type"].label("type"), _BATCH["id"].label("id"))
    .select_from(_BATCH.rows)
    .where(
        exists()
        .select_from(entity_parent)
        .where(_BATCH.matches(entity_parent, ("parent_type", "type"), ("parent_id", "id")))
    )
)
_UP: Final = select(_walk(_START, _CHILDREN, _PARENTS))
_DOWN: Final = select(func.max(_walk(_START, _PARENTS, _CHILDREN).c.step))
