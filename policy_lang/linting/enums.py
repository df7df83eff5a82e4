"""Finds members of enums that rules forgot: they speak of most members of the enum, and of these they do not."""

from collections.abc import Iterable, Iterator

from policy_lang.diagnostics import Diagnostic, warning
from policy_lang.linting.subject import Subject
from policy_lang.syntax import statements
from policy_lang.syntax.ast import Word
from policy_lang.typed import And, ClauseKind, Compare, Comparison, Constant, InList, Not, Or, Path, Root
from policy_lang.types import EnumType
from policy_lang.walk import Node, nodes

_Key = tuple[str, str]
"""A type (`context` for the context) and its attribute."""


def lint_enums(subject: Subject) -> Iterator[Diagnostic]:
    """Members of which no rule speaks, where rules speak of more than half of their enum one by one."""
    spoken: dict[_Key, set[str]] = {}
    whole: set[_Key] = set()
    for type_, rules in subject.program.rules.items():
        for rule in rules:
            for clause in rule.clauses:
                tests = _tests(clause.condition, clause.kind is not ClauseKind.UNLESS)
                _note(subject, type_, tests, spoken=spoken, whole=whole)
            parameters = (value for obligation in rule.obligations for _, value in obligation.parameters)
            _note(subject, type_, ((value, False) for value in parameters), spoken=spoken, whole=whole)
    for (owner, name), word, members in _declared(subject):
        said = spoken.get((owner, name), set())
        if (owner, name) in whole or word.text in said or len(said) * 2 <= members:
            continue
        others = ", ".join(f"`{member}`" for member in sorted(said))
        message = f"no rule speaks of `{word.text}`, while rules speak of {others}"
        yield warning("W107", message, word.span, f"say what holds where `{name}` is `{word.text}`")


def _note(
    subject: Subject,
    type_: str,
    tests: Iterable[tuple[Node, bool]],
    *,
    spoken: dict[_Key, set[str]],
    whole: set[_Key],
) -> None:
    """Adds what tests say of enums: of which members by name, and whether of all the others too."""
    for node, is_true in tests:
        match node:
            case Compare(operator=Comparison.EQ, left=Path() as path, right=Constant(value=str() as member)) if is_true:
                members = {member}
            case InList(needle=Path() as path, items=items) if is_true and all(isinstance(i, Constant) for i in items):
                members = {str(item.value) for item in items if isinstance(item, Constant)}
            case _:
                for each in nodes(node):
                    if isinstance(each, Path) and each.steps and isinstance(each.type, EnumType):
                        whole.update(_keys(subject, each, type_))
                continue
        if isinstance(path.type, EnumType):
            for key in _keys(subject, path, type_):
                spoken.setdefault(key, set()).update(members)


def _keys(subject: Subject, path: Path, type_: str) -> Iterator[_Key]:
    return ((owner, path.steps[-1]) for owner, _ in subject.attributes(path, type_))


def _tests(root: Node, is_true: bool) -> Iterator[tuple[Node, bool]]:
    """The tests of a condition, each with whether it counts as it is written."""
    waiting: list[tuple[Node, bool]] = [(root, is_true)]
    while waiting:
        node, counts = waiting.pop()
        match node:
            case Not():
                waiting.append((node.item, not counts))
            case And() | Or():
                waiting += [(item, counts) for item in node.items]
            case _:
                yield node, counts


def _declared(subject: Subject) -> Iterator[tuple[_Key, Word, int]]:
    """Every member of every enum as it is declared, with how many there are."""
    for tree in subject.trees:
        for statement in tree.statements:
            match statement:
                case statements.TypeDeclaration():
                    owner, attributes = statement.name.text, statement.attributes
                case statements.ContextDeclaration():
                    owner, attributes = Root.CONTEXT.value, statement.fields
                case _:
                    continue
            for attribute in attributes:
                if isinstance(attribute.type, statements.EnumType) and len(attribute.type.members) > 2:
                    for member in attribute.type.members:
                        yield (owner, attribute.name.text), member, len(attribute.type.members)
