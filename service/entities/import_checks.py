"""Finds what an import would come to before anything is written: what is new, what differs, which lines are at fault.

Each question is one statement over all the staged facts, whatever their number.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Table, exists, func, literal_column, select, union

from policy_lang.values import Ref
from service.db.facts_tables import entity, relation_link, role_assignment
from service.db.staged_tables import same, staged_assignment, staged_entity, staged_link, staged_parent
from service.entities.imported import Tally
from service.entities.merged_hierarchy import GONE_EDGES, MOVING_GRANTS, NEW_EDGES, Lines, fault_of

FAULTS: Final = 10
"""Faulty lines that an error quotes."""


class Fault(NamedTuple):
    """A line at fault, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Faults:
    """The first faults, by line, and how many there are."""

    first: tuple[Fault, ...] = ()
    count: int = 0

    def __or__(self, other: "Faults") -> "Faults":
        first = tuple(sorted({*self.first, *other.first})[:FAULTS])
        return Faults(first, self.count + other.count)


@dataclass(frozen=True, slots=True)
class Terms:
    """How an import is meant: what is there may be changed, and a team's roles of this service may be moved by it."""

    may_change: bool
    may_move_grants: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an import would come to."""

    entities: Tally
    assignments: Tally
    relations: Tally
    faults: Faults

    @property
    def changes_nothing(self) -> bool:
        """Whether all of it is stored as it is said."""
        return not any(each.added or each.changed for each in (self.entities, self.assignments, self.relations))


def propose(connection: Connection, stored_types: Sequence[str], terms: Terms) -> Proposal:
    """What the staged facts would come to; `stored_types` are those whose entities have rows."""
    faults = Faults()
    for question in _questions(stored_types, terms):
        faults |= _ask(connection, question)
    fault = None if faults.count else fault_of(connection)
    if fault is not None:
        faults |= Faults((Fault(*fault),), 1)
    return Proposal(
        entities=_tally(connection, staged_entity, entity, _CHANGED_ENTITIES),
        assignments=_tally(connection, staged_assignment, role_assignment, _CHANGED_ASSIGNMENTS),
        relations=_tally(connection, staged_link, relation_link, _CHANGED_LINKS),
        faults=faults,
    )


@dataclass(frozen=True, slots=True)
class _Question:
    """Lines at fault, `line` among the columns, and how to say of one why."""

    lines: Lines
    why: Callable[[Row[*tuple[object, ...]]], str]


def _ask(connection: Connection, question: _Question) -> Faults:
    found = connection.execute(question.lines.order_by(literal_column("line")).limit(FAULTS + 1)).all()
    first = tuple(Fault(row.line, question.why(row)) for row in found)
    if len(found) <= FAULTS:
        return Faults(first, len(found))
    return Faults(first[:FAULTS], _count(connection, question.lines))


def _questions(stored_types: Sequence[str], terms: Terms) -> list[_Question]:
    ends = [
        (staged_parent, "parent"),
        (staged_assignment, "subject"),
        (staged_assignment, "place"),
        (staged_link, "resource"),
        (staged_link, "subject"),
    ]
    questions = [_Question(_dangling(table, end, stored_types), _is_missing) for table, end in ends]
    if not terms.may_change:
        questions += [
            _Question(_CHANGED_ENTITIES, lambda row: f"`{row.type}:{row.id}` {_STANDS}"),
            _Question(_CHANGED_ASSIGNMENTS, lambda row: f"role `{row.role}` of `{row.type}:{row.id}` {_STANDS}"),
            _Question(_CHANGED_LINKS, lambda row: f"relation `{row.relation}` of `{row.type}:{row.id}` {_STANDS}"),
        ]
    if not terms.may_move_grants:
        questions.append(_Question(MOVING_GRANTS, lambda row: f"`{row.type}:{row.id}` {_HOLDS_GRANTS}"))
    return questions


def _dangling(table: Table, end: str, stored_types: Sequence[str]) -> Lines:
    """Lines that refer to what is neither stored nor staged, of types that have rows."""
    type_, id_ = table.c[f"{end}_type"], table.c[f"{end}_id"]
    return select(table.c.line, type_.label("type"), id_.label("id")).where(
        type_.in_(stored_types), ~_is_there(staged_entity, type_, id_), ~_is_there(entity, type_, id_)
    )


def _is_there(table: Table, type_: ColumnElement[str], id_: ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(table.c.type == type_, table.c.id == id_)


def _is_missing(row: Row[*tuple[object, ...]]) -> str:
    return f"there is no `{Ref(row.type, row.id)}`"


def _tally(connection: Connection, staged: Table, stored: Table, changed: Lines) -> Tally:
    every = connection.execute(select(func.count()).select_from(staged)).scalar_one()
    added = _count(connection, select(staged.c.line).where(~exists().where(same(staged, stored))))
    differing = _count(connection, changed) if added < every else 0
    return Tally(added, differing, every - added - differing)


def _count(connection: Connection, rows: Lines) -> int:
    return connection.execute(select(func.count()).select_from(rows.subquery())).scalar_one()


def _changed_entities() -> Lines:
    others = (
        select(staged_entity.c.line, staged_entity.c.type, staged_entity.c.id)
        .join(entity, same(staged_entity, entity))
        .where(staged_entity.c.attributes.is_distinct_from(entity.c.attributes))
    )
    changed = union(
        others,
        *(
            select(edges.c.line, edges.c.type, edges.c.id).where(_is_there(entity, edges.c.type, edges.c.id))
            for edges in (NEW_EDGES.subquery("new_edges"), GONE_EDGES.subquery("gone_edges"))
        ),
    )
    return select(changed.subquery("changed"))


def _changed(staged: Table, stored: Table, end: str, name: str) -> Lines:
    shown = staged.c[f"{end}_type"].label("type"), staged.c[f"{end}_id"].label("id"), staged.c[name]
    return (
        select(staged.c.line, *shown)
        .join(stored, same(staged, stored))
        .where(staged.c.expires_at.is_distinct_from(stored.c.expires_at))
    )


_CHANGED_ENTITIES: Final = _changed_entities()
_CHANGED_ASSIGNMENTS: Final = _changed(staged_assignment, role_assignment, "subject", "role")
_CHANGED_LINKS: Final = _changed(staged_link, relation_link, "resource", "relation")
_STANDS: Final = "is there already, and says otherwise: only an upsert changes it"
_HOLDS_GRANTS: Final = "holds roles of this service, or is in what does: who joins or leaves it is written one by one"
