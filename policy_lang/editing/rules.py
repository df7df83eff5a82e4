"""Finds the names in rules."""

from collections.abc import Iterable, Iterator

from policy_lang.decision import RESERVED_CODES
from policy_lang.editing.declarations import action_names, declared, owned
from policy_lang.editing.expressions import names_in, type_name
from policy_lang.editing.names import Kind, Occurrence
from policy_lang.editing.scope import Scope
from policy_lang.syntax import statements


def rule(node: statements.Rule, scope: Scope) -> Iterator[Occurrence]:
    """A rule; `scope` has the types that it is on."""
    yield owned(node.id, Kind.RULE, scope.module)
    yield from body(node, scope)


def body(node: statements.Rule, scope: Scope) -> Iterator[Occurrence]:
    """What stands behind the id of a rule."""
    yield from action_names(node.actions or (), scope.resources, scope)
    for word in node.on or ():
        yield from type_name(word, scope)
    for expression in (*(node.to or ()), *(condition.expression for condition in node.conditions)):
        yield from names_in(expression, scope)
    for part in () if node.reason is None else node.reason.parts:
        if not isinstance(part, str):
            yield from names_in(part, scope)
    if node.code is not None and node.code.text not in RESERVED_CODES:
        yield declared(node.code, Kind.CODE)
    for obligation in node.obligations:
        yield declared(obligation.name, Kind.OBLIGATION)
        for _, value in obligation.parameters:
            yield from names_in(value, scope)


def types_of_rule(node: statements.Rule, known: Iterable[str]) -> tuple[str, ...]:
    """The types that a rule is on."""
    return tuple(sorted(known)) if node.on is None else tuple(word.text for word in node.on)
