"""The statements that read the application's tables: one for a step, whatever it asks of how many tables.

Each is a UNION ALL of branches; a branch says which it is by its number, so that rows of every shape come in one
answer: the branch, the id (of an entity) or NULL, and the row's values packed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, Text, and_, bindparam, cast, literal_column, null, select, true, union_all

from service.db.dialect import texts_of
from service.db.engine import Database, Prepared
from service.db.mapped.columns import Kind
from service.db.mapped.constructs import is_one_of, packed, table_of

BranchRow = tuple[int, str | None, str]


@dataclass(frozen=True, slots=True)
class Key:
    """A column that keys are looked up in, and the parameter that has them."""

    column: str
    kind: Kind
    parameter: str


@dataclass(frozen=True, slots=True)
class Same:
    """A column that has to be what a parameter says, as text."""

    column: str
    parameter: str


@dataclass(frozen=True, slots=True)
class Edges:
    """A table with rows of its own for each entity: those whose `child` is its id, as texts `type value:id`."""

    table: str
    child: str
    column: str
    type_column: str | None


@dataclass(frozen=True, slots=True)
class Branch:
    """What is read of one table: `number` names it, `columns` are its values, `edges` come behind them."""

    number: int
    table: str
    keys: tuple[Key, ...]
    same: tuple[Same, ...]
    columns: tuple[str, ...]
    id: str | None = None
    edges: tuple[Edges, ...] = ()


def prepare(database: Database, branches: Sequence[Branch]) -> Prepared[BranchRow]:
    """The statement of some branches."""
    selects = [_select(branch) for branch in branches]
    return database.prepare(selects[0] if len(selects) == 1 else union_all(*selects))


def _select(branch: Branch) -> Select[int, str, str]:
    named = [*branch.columns, *(key.column for key in branch.keys), *(each.column for each in branch.same)]
    source = table_of(branch.table, [*named, *([branch.id] if branch.id is not None else [])])
    keys = [is_one_of(source.c[key.column], key.parameter, key.kind) for key in branch.keys]
    same: list[ColumnElement[bool]] = [
        cast(source.c[each.column], Text) == bindparam(each.parameter, type_=Text) for each in branch.same
    ]
    id_: ColumnElement[str] = cast(null() if branch.id is None else source.c[branch.id], Text)
    values: list[ColumnElement[object]] = [source.c[name] for name in branch.columns]
    values += [_edges(each, source.c[branch.id]) for each in branch.edges if branch.id is not None]
    number: ColumnElement[int] = literal_column(str(branch.number))
    return select(number, id_, packed(values)).select_from(source).where(and_(true(), *keys, *same))


def _edges(edges: Edges, id_: ColumnElement[object]) -> ColumnElement[object]:
    named = [edges.child, edges.column, *([edges.type_column] if edges.type_column is not None else [])]
    source = table_of(edges.table, named).alias("edges")
    end: ColumnElement[str] = literal_column("':'") + cast(source.c[edges.column], Text)
    if edges.type_column is not None:
        end = cast(source.c[edges.type_column], Text) + end
    # Correlated with the row alone: a table may be its own table of edges.
    return select(texts_of(end)).where(source.c[edges.child] == id_).correlate_except(source).scalar_subquery()
