"""Finds members of enums that rules forgot: while a resource has them, nothing is allowed on it.

Only where most members of the enum are allowed something, and no rule forbids the one that is not by its name: that
author has not forgotten it.
"""

from collections.abc import Iterator, Sequence

from policy_lang.decision import Effect
from policy_lang.diagnostics import Diagnostic, warning
from policy_lang.linting.conjuncts import conjuncts
from policy_lang.linting.contradictions import Part, conflict
from policy_lang.linting.subject import Subject
from policy_lang.syntax import statements
from policy_lang.syntax.ast import Word
from policy_lang.typed import Compare, Comparison, Constant, Path, Root, Rule
from policy_lang.types import EnumType
from policy_lang.walk import nodes, roots_of


def lint_enums(subject: Subject) -> Iterator[Diagnostic]:
    """Members of enums with which a resource is allowed nothing."""
    for type_, name, members in _declared(subject):
        rules = subject.program.rules.get(type_, ())
        allows = [rule for rule in rules if rule.effect is Effect.ALLOW and not rule.is_shadow]
        path = Path(Root.RESOURCE, (name,), EnumType(tuple(member.text for member in members)))
        forgotten = _forgotten(allows, path) - _named(rules, path)
        for member in members if len(forgotten) * 2 < len(members) else ():
            if member.text in forgotten:
                message = f"nothing is allowed on a `{type_}` while its `{name}` is `{member.text}`"
                yield warning("W107", message, member.span, "name it in a rule, allow or deny")


def _declared(subject: Subject) -> Iterator[tuple[str, str, Sequence[Word]]]:
    """The enums of more than two members that types declare: the type, the attribute, the members."""
    for tree in subject.trees:
        for statement in tree.statements:
            if isinstance(statement, statements.TypeDeclaration):
                for attribute in statement.attributes:
                    if isinstance(attribute.type, statements.EnumType) and len(attribute.type.members) > 2:
                        yield statement.name.text, attribute.name.text, attribute.type.members


def _forgotten(allows: Sequence[Rule], path: Path) -> frozenset[str]:
    """The members with which no allow rule holds; none where a rule does not ask for the attribute."""
    left = frozenset(path.type.members) if isinstance(path.type, EnumType) and allows else frozenset[str]()
    for rule in allows:
        if left and path not in nodes(*roots_of(rule)):
            return frozenset()
        parts = conjuncts(rule)
        left -= {member for member in left if not conflict((*parts, _has(path, member)))}
    return left


def _has(path: Path, member: str) -> Part:
    return Compare(Comparison.EQ, path, Constant(member, path.type)), True


def _named(rules: Sequence[Rule], path: Path) -> frozenset[str]:
    """The members that rules forbid by name: any of a deny rule, and those that an allow rule leaves out."""
    forbidden = (
        condition
        for rule in rules
        for condition, is_true in conjuncts(rule)
        if rule.effect is Effect.DENY or not is_true
    )
    constants = (node for condition in forbidden for node in nodes(condition) if isinstance(node, Constant))
    return frozenset(str(node.value) for node in constants if node.type == path.type)
