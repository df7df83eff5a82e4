"""Picks the conditions of a rule that coverage watches: clauses, items of `to`, and the tests within them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from policy_lang.checking.condition_check import Typed
from policy_lang.probes import Probe
from policy_lang.source import Span
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression
from policy_lang.typed import Always, ClauseKind, Condition, Not


class Place(NamedTuple):
    """A clause as written: `span` is where it stands, `node` its expression with every name replaced."""

    kind: ClauseKind
    node: Expression
    span: Span


def probes_in(rule: str, places: Sequence[Place], items: Sequence[Span], typed: Sequence[Typed]) -> Iterator[Probe]:
    """The probes of a rule, each part behind its whole; `items` is where those of `to` stand, `typed` all conditions.

    A part that says what its whole says is no probe of its own, nor is what its text settles.
    """
    by_node = {id(each.node): each for each in typed}
    for number, (kind, node, span) in enumerate(places):
        said: list[Condition] = []
        for part, where in _parts(node, span, items if kind is ClauseKind.TO else ()):
            found = by_node.get(id(part))
            if found is None or isinstance(found.condition, Always) or found.condition in said:
                continue
            condition = found.condition
            said += [condition, condition.item] if isinstance(condition, Not) else [condition]
            yield Probe(rule, number, kind, where, condition, found.may_be_unknown)


def _parts(node: Expression, span: Span, items: Sequence[Span]) -> Iterator[tuple[Expression, Span]]:
    """The clause, the items where it has some, and the tests that have no parts."""
    yield node, span
    if isinstance(node, ast.Or) and len(items) > 1:
        yield from zip(node.items, items, strict=True)
    yield from ((test, test.span) for test in _tests(node))


def _tests(node: Expression) -> Iterator[Expression]:
    match node:
        case ast.And() | ast.Or():
            for item in node.items:
                yield from _tests(item)
        case ast.Not():
            yield from _tests(node.item)
        case _:
            yield node
