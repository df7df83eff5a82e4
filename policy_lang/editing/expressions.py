"""Finds the names in expressions."""

from collections.abc import Iterator
from dataclasses import fields

from policy_lang.checking.symbols import full_name
from policy_lang.editing.names import Kind, Occurrence, symbol
from policy_lang.editing.scope import Scope, Types, elements, targets
from policy_lang.functions import FUNCTIONS
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression, Name, Word


def names_in(node: Expression, scope: Scope, expected: Types = ()) -> Iterator[Occurrence]:
    """The names in an expression; `expected` is what stands opposite, which gives bare members their enum."""
    match node:
        case Name():
            yield from name(node, scope, expected)
        case ast.EntityLiteral():
            yield from type_name(node.type, scope)
        case ast.Call():
            if node.function.text in FUNCTIONS:
                yield Occurrence(node.function.span, frozenset({symbol(Kind.FUNCTION, node.function.text)}))
            for argument in node.arguments:
                yield from names_in(argument, scope)
        case ast.Coalesce():
            yield from names_in(node.path, scope)
            yield from names_in(node.otherwise, scope, scope.types_of(node.path))
        case ast.Compare():
            yield from names_in(node.left, scope, scope.types_of(node.right))
            yield from names_in(node.right, scope, scope.types_of(node.left))
        case ast.In():
            yield from names_in(node.needle, scope, scope.types_of(node.haystack))
            yield from names_in(node.haystack, scope, scope.types_of(node.needle))
        case ast.Overlap():
            yield from names_in(node.set, scope, scope.types_of(node.among))
            yield from names_in(node.among, scope, scope.types_of(node.set))
        case ast.ListLiteral():
            for item in node.items:
                yield from names_in(item, scope, elements(expected))
        case ast.Range():
            yield from names_in(node.low, scope, expected)
            yield from names_in(node.high, scope, expected)
        case ast.Is():
            yield from names_in(node.subject, scope)
            yield from type_name(node.type, scope)
        case ast.RoleTest():
            if node.role is not None:
                yield from of_module(node.role, scope, Kind.ROLE)
            if node.place is not None:
                yield from names_in(node.place, scope)
        case ast.RelationOf():
            yield from _relation_of(node, scope)
        case _:
            for inner in operands(node):
                yield from names_in(inner, scope)


def operands(node: Expression) -> Iterator[Expression]:
    """What stands inside an expression, whatever it is."""
    for field in fields(node):
        value = getattr(node, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            part = item[-1] if isinstance(item, tuple) else item
            if isinstance(part, Expression):
                yield part


def name(node: Name, scope: Scope, expected: Types = ()) -> Iterator[Occurrence]:
    """The parts of a dotted name that stand for something."""
    for step in scope.steps(node, expected):
        if step.symbols:
            yield Occurrence(step.word.span, step.symbols, types=step.types)


def type_name(word: Word, scope: Scope) -> Iterator[Occurrence]:
    """A type by its name."""
    if word.text in scope.symbols.schema.types:
        yield Occurrence(word.span, frozenset({symbol(Kind.TYPE, word.text)}))


def of_module(node: Name, scope: Scope, kind: Kind) -> Iterator[Occurrence]:
    """A role, fixture or rule, of this module or another."""
    full = full_name(node, scope.module)
    is_known = full in scope.symbols.rules if kind is Kind.RULE else scope.symbols.kinds.get(full) == kind.value
    if is_known:
        yield from _module_of(node, scope)
        yield Occurrence(node.parts[-1].span, frozenset({symbol(kind, full)}))


def _module_of(node: Name, scope: Scope) -> Iterator[Occurrence]:
    head = node.parts[0]
    if len(node.parts) > 1 and head.text in scope.symbols.modules:
        yield Occurrence(head.span, frozenset({symbol(Kind.MODULE, head.text)}))


def _relation_of(node: ast.RelationOf, scope: Scope) -> Iterator[Occurrence]:
    found = scope.relation(node.relation, targets(scope.types_of(node.resource)))
    if found:
        yield from _module_of(node.relation, scope)
        yield Occurrence(node.relation.parts[-1].span, found)
    yield from names_in(node.resource, scope)
