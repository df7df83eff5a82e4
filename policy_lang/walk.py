"""Visits every node of a typed tree, without recursion."""

from collections.abc import Iterable, Iterator
from typing import assert_never

from policy_lang.typed import (
    Always,
    And,
    Call,
    Compare,
    Condition,
    Constant,
    Default,
    Expression,
    Has,
    Holds,
    HoldsRole,
    IdOf,
    InList,
    InNetworks,
    InRange,
    InSet,
    IsType,
    Like,
    Not,
    Or,
    Overlap,
    Path,
    Related,
    Root,
    Rule,
    Sum,
    Test,
    Under,
)

Node = Condition | Expression
"""A condition or an expression."""


def nodes(*roots: Node) -> Iterator[Node]:
    """Every node below the roots, themselves included."""
    waiting = list(reversed(roots))
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(children(node))


def paths(*roots: Node) -> tuple[Path, ...]:
    """Every path that is read below the roots, once, sorted. The entities' own references are no reads."""
    return tuple(sorted({node for node in nodes(*roots) if isinstance(node, Path) and node.steps}, key=str))


def roots_of(rule: Rule) -> tuple[Node, ...]:
    """The conditions of a rule's clauses, and what it says: the parameters of its obligations, the values it quotes."""
    return (*(clause.condition for clause in rule.clauses), *spoken(rule))


def spoken(rule: Rule) -> tuple[Expression, ...]:
    """The values that a rule says where it holds: the parameters of its obligations, what its reason quotes."""
    parameters = (value for obligation in rule.obligations for _, value in obligation.parameters)
    return (*parameters, *(part for part in rule.reason_parts if not isinstance(part, str)))


def is_principal(node: Node) -> bool:
    """Whether a node is the principal's own reference."""
    return isinstance(node, Path) and node.root is Root.PRINCIPAL and not node.steps


def children(node: Node) -> Iterable[Node]:
    """The nodes right below a node."""
    match node:
        case Always() | Constant() | Path():
            return ()
        case And() | Or():
            return node.items
        case Not():
            return (node.item,)
        case Holds():
            return (node.expression,)
        case Test() | Call():
            return node.arguments
        case Compare() | Sum():
            return (node.left, node.right)
        case InList():
            return (node.needle, *node.items)
        case InSet():
            return (node.needle, node.set)
        case InRange():
            return (node.needle, node.low, node.high)
        case InNetworks():
            return (node.needle, *node.networks)
        case Overlap():
            return (node.set, *(node.among if isinstance(node.among, tuple) else (node.among,)))
        case Like():
            return (node.text,)
        case Has():
            return (node.path,)
        case IsType() | IdOf():
            return (node.reference,)
        case Under():
            return (node.low, node.high)
        case HoldsRole():
            return () if node.place is None else (node.place,)
        case Related():
            return (node.resource,)
        case Default():
            return (node.path, node.otherwise)
        case _:
            assert_never(node)
