"""Turns an expression into a quick function from facts to its cell, for what is read on every decision."""

from collections.abc import Callable

from policy_lang.expressions import evaluate
from policy_lang.facts import Facts
from policy_lang.typed import Expression, Path, Root
from policy_lang.values import BAD_VALUE, NO_ROW, Cell

Getter = Callable[[Facts], Cell]


def getter(expression: Expression) -> Getter:
    """What `evaluate` gives as cell, without its causes; the common short paths have a shortcut."""
    match expression:
        case Path(root=Root.PRINCIPAL, steps=()):
            return lambda facts: facts.question.principal
        case Path(root=Root.RESOURCE, steps=()):
            return lambda facts: facts.question.resource
        case Path(root=Root.PRINCIPAL, steps=(step,)):
            return lambda facts: NO_ROW if (cells := facts.principal_cells) is None else cells.get(step, BAD_VALUE)
        case Path(root=Root.RESOURCE, steps=(step,)):
            return lambda facts: NO_ROW if (cells := facts.resource_cells) is None else cells.get(step, BAD_VALUE)
        case Path(root=Root.CONTEXT, steps=(step,)):
            return lambda facts: facts.question.context.get(step, BAD_VALUE)
        case _:
            return lambda facts: evaluate(expression, facts).cell
