"""Lints names that nothing uses, and actions that nothing allows."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from policy_lang.decision import Effect
from policy_lang.diagnostics import Diagnostic, warning
from policy_lang.editing.index import Index
from policy_lang.editing.names import Kind, Occurrence, Symbol, symbol
from policy_lang.linting.subject import Subject, head
from policy_lang.syntax import cases
from policy_lang.syntax.statements import Statement, Template

_CODES: Final = {
    Kind.LET: "W301",
    Kind.RELATION: "W302",
    Kind.ROLE: "W303",
    Kind.GROUP: "W304",
    Kind.FIELD: "W306",
    Kind.FIXTURE: "W307",
    Kind.TEMPLATE: "W308",
    Kind.PARAMETER: "W309",
}
_HELP: Final = {
    Kind.RELATION: "name it in a rule, or remove it with its rows",
    Kind.ROLE: "grant it something that `allow granted` looks at, or ask for it with `role`",
    Kind.FIELD: "callers send it for nothing",
    Kind.PARAMETER: "name it in the rule, or remove it from the template and its uses",
}


def lint_names(subject: Subject) -> Iterator[Diagnostic]:
    """Unused declarations, and actions that are always denied."""
    index = Index(subject.trees)
    used = _used(subject, index) | _granting(subject)
    allowed = {symbol(Kind.ACTION, *pair) for pair in _allowed(subject)}
    for file in subject.files:
        for name in index.occurrences(file.path):
            for each in name.symbols if name.is_declaration else ():
                if each.kind in _CODES and each not in used:
                    yield _unused(each, name)
                elif each.kind is Kind.ACTION and each not in allowed:
                    type_, action = each.way
                    message = f"nothing allows `{action}` on `{type_}`: it is always denied"
                    yield warning("W305", message, name.span, "allow it in a rule, or remove it")


def _unused(found: Symbol, name: Occurrence) -> Diagnostic:
    text = f"nothing uses the {found.kind.value} `{name.span.text}`"
    return warning(_CODES[found.kind], text, name.span, _HELP.get(found.kind, "remove it"))


def _used(subject: Subject, index: Index) -> frozenset[Symbol]:
    """What is used."""
    used: set[Symbol] = set()
    for file, tree in zip(subject.files, subject.trees, strict=True):
        starts = [head(statement).start for statement in tree.statements]
        for name in index.occurrences(file.path):
            at = bisect_right(starts, name.span.start) - 1
            if at >= 0 and not name.is_declaration:
                used |= {each for each in name.symbols if _is_use(each.kind, tree.statements[at])}
    return frozenset(used)


def _is_use(kind: Kind, statement: Statement) -> bool:
    """Whether a name is of use there: fixtures in tests, parameters in their templates, all else outside of tests."""
    match kind:
        case Kind.FIXTURE:
            return isinstance(statement, cases.Test | cases.Fixture)
        case Kind.PARAMETER:
            return isinstance(statement, Template)
        case _:
            return not isinstance(statement, cases.Test | cases.Fixture)


def _granting(subject: Subject) -> frozenset[Symbol]:
    """The roles that grant something to `allow granted` rules."""
    rules = subject.rules
    types = {
        type_
        for id_, found in subject.symbols.rules.items()
        if found.statement.is_granted
        for type_ in rules.get(id_, ())
    }
    roles = subject.schema.roles.values()
    return frozenset(symbol(Kind.ROLE, role.name) for role in roles if not types.isdisjoint(role.grants))


def _allowed(subject: Subject) -> Iterator[tuple[str, str]]:
    for type_, rules in subject.program.rules.items():
        for rule in rules:
            if rule.effect is Effect.ALLOW:
                yield from ((type_, action) for action in rule.actions)
