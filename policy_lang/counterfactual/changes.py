"""Single changes of what is known: another value of an input, a row of a role or relation more or less."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, assert_never

from policy_lang.facts import Assignment, Facts, Link
from policy_lang.judging.expressions import read
from policy_lang.typed import Path, Root
from policy_lang.types import RefType
from policy_lang.values import Cell, Ref


@dataclass(frozen=True, slots=True)
class CellChange:
    """An input has another value, or none."""

    path: Path
    cell: Cell


@dataclass(frozen=True, slots=True)
class RowChange:
    """A role is assigned or a relation's row is there, or no longer."""

    row: Assignment | Link
    is_added: bool


Change = CellChange | RowChange


def apply(change: Change, facts: Facts) -> Facts:
    """The facts as they would be; the given ones stay as they are."""
    if isinstance(change, CellChange):
        return _with_cell(change, facts)
    match change.row:
        case Assignment() as row:
            rows = _with_row(facts.assignments.get(row.place, ()), row, is_added=change.is_added)
            return replace(facts, assignments={**facts.assignments, row.place: rows})
        case Link() as row:
            end = (row.resource, row.relation)
            links = _with_row(facts.links.get(end, ()), row, is_added=change.is_added)
            return replace(facts, links={**facts.links, end: links})
        case _:
            assert_never(change.row)


Row = TypeVar("Row", bound=Assignment | Link)


def _with_row(rows: Sequence[Row], row: Row, *, is_added: bool) -> Sequence[Row]:
    return [*rows, row] if is_added else [each for each in rows if each != row]


def _with_cell(change: CellChange, facts: Facts) -> Facts:
    path, cell = change.path, change.cell
    *way, name = path.steps
    if path.root is Root.CONTEXT and not way:
        now = cell if name == "now" and isinstance(cell, int) else facts.question.now
        question = replace(facts.question, context={**facts.question.context, name: cell}, now=now)
        return replace(facts, question=question)
    owner = read(Path(path.root, tuple(way), RefType(())), facts).cell
    if not isinstance(owner, Ref):
        return facts
    question = facts.question
    return replace(
        facts,
        principal_cells=_with(facts.principal_cells, name, cell)
        if owner == question.principal
        else facts.principal_cells,
        resource_cells=_with(facts.resource_cells, name, cell) if owner == question.resource else facts.resource_cells,
        rows={**facts.rows, owner: {**facts.rows[owner], name: cell}} if owner in facts.rows else facts.rows,
    )


def _with(cells: Mapping[str, Cell] | None, name: str, cell: Cell) -> Mapping[str, Cell] | None:
    return None if cells is None else {**cells, name: cell}
