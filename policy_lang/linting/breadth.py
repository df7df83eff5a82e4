"""Lints what lets in more than its author may have meant: any action to anyone, roles that grant everything."""

from collections.abc import Iterator

from policy_lang.decision import Effect
from policy_lang.diagnostics import Diagnostic, warning
from policy_lang.linting.conjuncts import conjuncts
from policy_lang.linting.subject import Subject
from policy_lang.syntax.statements import RoleDeclaration
from policy_lang.typed import HoldsRole, Path, Related, Root, Rule
from policy_lang.walk import nodes


def lint_breadth(subject: Subject) -> Iterator[Diagnostic]:
    """Rules and roles that are over-broad."""
    for id_, by_type in subject.rules.items():
        written = subject.symbols.rules[id_].statement
        is_any = written.on is None or (written.actions is None and not written.is_granted)
        if is_any and not written.is_shadow and all(_asks_nobody(rule) for rule in by_type.values()):
            what = "any action" if written.on is not None else "actions on any type"
            message = f"rule `{written.id.text}` allows {what}, also later ones, to anyone"
            yield warning("W402", message, written.id.span, "name the actions and types, or say who may")
    yield from _almighty(subject)


def _asks_nobody(rule: Rule) -> bool:
    """Whether an allow rule holds whoever asks."""
    return rule.effect is Effect.ALLOW and not any(
        isinstance(node, HoldsRole | Related) or (isinstance(node, Path) and node.root is Root.PRINCIPAL)
        for condition, _ in conjuncts(rule)
        for node in nodes(condition)
    )


def _almighty(subject: Subject) -> Iterator[Diagnostic]:
    """Roles that grant everything there is; all of the only type is no more than a role for that type."""
    schema = subject.schema
    everything = {(type_, action) for type_, actions in schema.actions.items() for action in actions}
    for tree in subject.trees:
        for statement in tree.statements:
            if not isinstance(statement, RoleDeclaration):
                continue
            role = schema.roles[f"{tree.module.text}.{statement.name.text}"]
            granted = {(type_, action) for type_, actions in role.grants.items() for action in actions}
            if granted >= everything and (role.on is None or len(schema.actions) > 1):
                message = f"role `{statement.name.text}` grants every action of every type"
                yield warning("W403", message, statement.name.span, "split it into roles for what people do")
