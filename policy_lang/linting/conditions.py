"""Lints conditions: tests that always come to the same, operands that contradict each other, repeat or do nothing.

A condition may be typed several times, for each type of resource and in each rule that uses its let; it is reported
where all of them agree.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Final

from policy_lang.checking.condition_check import Typed
from policy_lang.diagnostics import Diagnostic, warning
from policy_lang.linting.contradictions import parts_of
from policy_lang.linting.settled import clash, is_settled, settled_test
from policy_lang.linting.subject import Subject
from policy_lang.source import Span
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression
from policy_lang.typed import And, Condition, Default, InList, Like, Or, Overlap, Path
from policy_lang.walk import nodes

_Lint = Callable[[Expression, Condition, Callable[[Path], bool]], Iterator[Diagnostic]]


def lint_conditions(subject: Subject) -> Iterator[Diagnostic]:
    """What is wrong with single conditions."""
    agreed: dict[Hashable, frozenset[Diagnostic]] = {}
    types = {rule: sorted(by_type) for rule, by_type in subject.rules.items()}
    for rule, sites in subject.sites.items():
        is_there = _reader(subject, types.get(rule, []))
        for site in sites:
            span = site.node.span
            key = (span.file.path, span.start, span.end, type(site.node))
            before = agreed.get(key)
            if before is None or before:
                found = _found(site, is_there)
                agreed[key] = found if before is None else before & found
    for each in agreed.values():
        yield from each


def _reader(subject: Subject, types: Sequence[str]) -> Callable[[Path], bool]:
    known: dict[Path, bool] = {}

    def is_there(path: Path) -> bool:
        if path not in known:
            known[path] = all(subject.is_always_there(path, type_) for type_ in types)
        return known[path]

    return is_there


def _found(site: Typed, is_there: Callable[[Path], bool]) -> frozenset[Diagnostic]:
    match site.node:
        case ast.And() | ast.Or():
            lints = _OF_JOINED
        case ast.Not() | ast.Anyone() | ast.PrincipalIs():
            return _NOTHING
        case _:
            lints = _OF_TESTS
    return frozenset(found for lint in lints for found in lint(site.node, site.condition, is_there))


def _settled(node: Expression, condition: Condition, is_there: Callable[[Path], bool]) -> Iterator[Diagnostic]:
    found = settled_test(condition, is_there)
    if found is not None:
        outcome = "is never false" if found.is_true else "is never true"
        yield warning("W101", f"this {outcome}: {found.why}", node.span, "leave it out, or compare something else")


def _clashing(node: Expression, condition: Condition, is_there: Callable[[Path], bool]) -> Iterator[Diagnostic]:
    if not isinstance(condition, And | Or):
        return
    if any(is_settled(item, is_there) is isinstance(condition, Or) for item in condition.items):
        return
    about = clash(condition)
    if about and isinstance(condition, And):
        message = f"this is never true: what it asks of {about} contradicts itself"
        yield warning("W102", message, node.span, "no value fits all of it")
    elif about:
        yield warning(
            "W103",
            f"this is never false: a part of it holds whatever {about} is",
            node.span,
            "leave it out, or join it by `and`",
        )


def _repeated(node: Expression, condition: Condition, _: Callable[[Path], bool]) -> Iterator[Diagnostic]:
    match node, condition:
        case ((ast.And() | ast.Or()), (And() | Or())):
            yield from _twice(node.items, [tuple(parts_of(item)) for item in condition.items])
        case ast.In(haystack=ast.ListLiteral() as listed), InList():
            yield from _twice(listed.items, condition.items)
        case ast.Overlap(among=ast.ListLiteral() as listed), Overlap(among=tuple() as among):
            yield from _twice(listed.items, among)
        case _:
            return


def _twice(written: Sequence[Expression], typed: Sequence[Hashable]) -> Iterator[Diagnostic]:
    if len(written) != len(typed):
        return
    seen: set[Hashable] = set()
    for node, item in zip(written, typed, strict=True):
        if item in seen:
            yield warning("W104", f"`{_line(node.span)}` stands here twice", node.span, "once says as much")
        seen.add(item)


def _idle_defaults(node: Expression, condition: Condition, is_there: Callable[[Path], bool]) -> Iterator[Diagnostic]:
    idle = {str(each.path) for each in nodes(condition) if isinstance(each, Default) and is_there(each.path)}
    for written in _defaults(node) if idle else ():
        if isinstance(written.path, ast.Path) and ".".join(written.path.key) in idle:
            path = ".".join(written.path.key)
            yield warning("W105", f"`{path}` is not optional: its default stands for nothing", written.span,
                          f"write `{path}`")  # fmt: skip


def _defaults(node: Expression) -> Iterator[ast.Coalesce]:
    waiting: list[object] = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, ast.Coalesce):
            yield found
        waiting += _below(found)


def _below(node: object) -> Iterable[object]:
    if isinstance(node, tuple):
        return node
    slots = getattr(type(node), "__slots__", ()) if isinstance(node, Expression) else ()
    return [getattr(node, name) for name in slots]


def _starless(node: Expression, condition: Condition, _: Callable[[Path], bool]) -> Iterator[Diagnostic]:
    if isinstance(node, ast.Like) and isinstance(condition, Like) and "*" not in condition.pattern:
        yield warning("W106", "a pattern without a star fits one text alone", node.pattern.span, "write `==`")


_OF_JOINED: Final[tuple[_Lint, ...]] = (_clashing, _repeated)
_OF_TESTS: Final[tuple[_Lint, ...]] = (_settled, _repeated, _idle_defaults, _starless)
_NOTHING: Final[frozenset[Diagnostic]] = frozenset()


def _line(span: Span) -> str:
    return " ".join(span.text.split())
