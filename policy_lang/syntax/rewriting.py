"""Rewrites expressions: the same node around other operands."""

from collections.abc import Callable
from dataclasses import replace

from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression

Change = Callable[[Expression], Expression]


def with_operands(node: Expression, change: Change) -> Expression:
    """The node with every operand of it changed; names and what stands in their place have none."""
    match node:
        case ast.ListLiteral() | ast.And() | ast.Or():
            return replace(node, items=tuple(map(change, node.items)))
        case ast.Call():
            return replace(node, arguments=tuple(map(change, node.arguments)))
        case ast.Not():
            return replace(node, item=change(node.item))
        case ast.Has():
            return replace(node, path=change(node.path))
        case ast.Coalesce():
            return replace(node, path=change(node.path), otherwise=change(node.otherwise))
        case ast.Sum():
            rest = tuple((is_minus, change(term)) for is_minus, term in node.rest)
            return replace(node, first=change(node.first), rest=rest)
        case ast.Compare():
            return replace(node, left=change(node.left), right=change(node.right))
        case ast.Range() | ast.Under():
            return replace(node, low=change(node.low), high=change(node.high))
        case ast.In():
            return replace(node, needle=change(node.needle), haystack=change(node.haystack))
        case ast.Overlap():
            return replace(node, set=change(node.set), among=change(node.among))
        case ast.Like() | ast.Is():
            return replace(node, subject=change(node.subject))
        case _:
            return node
