"""Computes the value of an expression from facts, or the causes for which there is none: the law in code.

Law (language.md, Reading): a path is present, absent or broken; any expression is unknown when an operand is.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, assert_never

from policy_lang.decision import MissingInput
from policy_lang.facts import Readable
from policy_lang.functions import FUNCTIONS
from policy_lang.judging.kleene import Causes, Judgement, known
from policy_lang.typed import Call, Constant, Default, Expression, IdOf, Path, Root, Sum
from policy_lang.types import StringType, Type
from policy_lang.values import BAD_VALUE, NO_ROW, Cell, Gap, Record, Ref
from policy_lang.walk import paths


class Reading(NamedTuple):
    """What an expression gives: a value, or a gap with its causes."""

    cell: Cell
    causes: Causes = frozenset()

    @property
    def is_known(self) -> bool:
        """Whether there is a value."""
        return not isinstance(self.cell, Gap)


def evaluate(expression: Expression, facts: Readable) -> Reading:
    """The value of an expression, or the causes of its being unknown."""
    match expression:
        case Constant():
            return Reading(expression.value)
        case Path():
            return read(expression, facts)
        case IdOf():
            reading = evaluate(expression.reference, facts)
            return Reading(reading.cell.id) if isinstance(reading.cell, Ref) else reading
        case Default():
            reading = read(expression.path, facts)
            is_absent = isinstance(reading.cell, Gap) and not reading.cell.is_broken
            return evaluate(expression.otherwise, facts) if is_absent else reading
        case Call():
            return call(expression.function, expression.arguments, facts)
        case Sum():
            return _add(expression, facts)
        case _:
            assert_never(expression)


def read(path: Path, facts: Readable) -> Reading:
    """The cell at a path; a gap's cause names the step that failed."""
    if not path.steps:
        return Reading(start_of(path, facts))
    cell: Cell = NO_ROW
    cells = cells_of(path.root, facts)
    for count, step in enumerate(path.steps, start=1):
        cell = cells.get(step, BAD_VALUE) if cells is not None else NO_ROW
        if isinstance(cell, Gap):
            return Reading(cell, frozenset({cause_at(path, count, cell)}))
        if count == len(path.steps):
            break
        if isinstance(cell, Record):
            cells = cell.cells
            continue
        if not isinstance(cell, Ref) or cell not in facts.rows:
            gap = NO_ROW if isinstance(cell, Ref) else BAD_VALUE
            return Reading(gap, frozenset({cause_at(path, count, gap)}))
        cells = facts.rows[cell]
    return Reading(cell)


def start_of(path: Path, facts: Readable) -> Ref:
    """The principal's or the resource's own reference."""
    return facts.question.principal if path.root is Root.PRINCIPAL else facts.question.resource


def cells_of(root: Root, facts: Readable) -> Mapping[str, Cell] | None:
    """The cells that a path's first step reads."""
    match root:
        case Root.PRINCIPAL:
            return facts.principal_cells
        case Root.RESOURCE:
            return facts.resource_cells
        case Root.CONTEXT:
            return facts.question.context


def cause_at(path: Path, count: int, gap: Gap) -> MissingInput:
    """The cause for a path that ended after `count` steps."""
    return MissingInput(".".join((path.root.value, *path.steps[:count])), gap.cause.value)


def _add(total: Sum, facts: Readable) -> Reading:
    left, right = evaluate(total.left, facts), evaluate(total.right, facts)
    if isinstance(left.cell, int) and isinstance(right.cell, int):
        return Reading(left.cell - right.cell if total.is_minus else left.cell + right.cell)
    return Reading(BAD_VALUE, union(left, right))


def call(function: str, arguments: tuple[Expression, ...], facts: Readable) -> Reading:
    """What a function of the closed table gives; unknown when an argument is."""
    readings = [evaluate(argument, facts) for argument in arguments]
    causes = union(*readings)
    if not all(reading.is_known for reading in readings):
        return Reading(BAD_VALUE, causes)
    cell = FUNCTIONS[function].call(*(reading.cell for reading in readings))
    if not isinstance(cell, Gap):
        return Reading(cell)
    names = [str(path) for path in paths(*arguments)] or [function]
    return Reading(cell, frozenset(MissingInput(name, cell.cause.value) for name in names))


def compare(test: Callable[..., bool], left: Reading, right: Reading) -> Judgement:
    """What a test of two values gives; unknown when one is."""
    if left.is_known and right.is_known:
        return known(test(left.cell, right.cell))
    return Judgement(None, union(left, right))


def union(*readings: Reading) -> Causes:
    """The causes of all of them."""
    return frozenset().union(*(reading.causes for reading in readings))


def type_of(expression: Expression) -> Type:
    """The type of an expression's value."""
    return StringType() if isinstance(expression, IdOf) else expression.type


def describe(expression: Expression) -> str:
    """What a cause calls the entity that an expression leads to: its path, or `Type:id`."""
    match expression:
        case Path():
            return str(expression)
        case Default():
            return str(expression.path)
        case Constant():
            return str(expression.value)
        case _:
            return "?"
