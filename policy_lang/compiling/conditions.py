"""Emits each condition as two Python expressions, plain booleans both: one for "is true", one for "is false".

Unknown is neither. A gap compares false to everything in both directions, so that `a == b` says "is true" and `a != b`
says "is false" without a test for gaps. In an `and` or `or` what costs least comes first: order never matters.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from policy_lang.compiling import python_nodes as py
from policy_lang.compiling import runtime
from policy_lang.compiling.expressions import FACTS, SCRATCH, Expressions
from policy_lang.typed import (
    Always,
    And,
    Call,
    Compare,
    Comparison,
    Condition,
    Constant,
    Expression,
    Has,
    Holds,
    HoldsRole,
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
    Quantifier,
    Related,
    Test,
    Under,
)
from policy_lang.types import IpType
from policy_lang.values import Ip, Network, Record, Scalar
from policy_lang.walk import Node, is_principal, nodes


class Forms(NamedTuple):
    """A condition in two forms, and about how much it costs to judge."""

    true: ast.expr
    false: ast.expr
    cost: int


OPERATORS: Final[Mapping[Comparison, tuple[ast.cmpop, ast.cmpop]]] = {
    Comparison.EQ: (ast.Eq(), ast.NotEq()),
    Comparison.NE: (ast.NotEq(), ast.Eq()),
    Comparison.LT: (ast.Lt(), ast.GtE()),
    Comparison.LE: (ast.LtE(), ast.Gt()),
    Comparison.GT: (ast.Gt(), ast.LtE()),
    Comparison.GE: (ast.GtE(), ast.Lt()),
}
"""An operator, and the one that holds where it does not."""


class Conditions:
    """Emits conditions over one function's expressions."""

    def __init__(self, expressions: Expressions) -> None:
        self._expressions = expressions
        self._value = expressions.value
        self._known = expressions.is_known
        self._settled = expressions.settled
        self._constant = expressions.frame.constant

    def emit(self, condition: Condition) -> Forms:
        """A condition in its two forms."""
        match condition:
            case And() | Or():
                parts = sorted(map(self.emit, condition.items), key=lambda part: part.cost)
                true, false = [part.true for part in parts], [part.false for part in parts]
                cost = sum(part.cost for part in parts)
                if isinstance(condition, And):
                    return Forms(py.every(*true), py.some(*false), cost)
                return Forms(py.some(*true), py.every(*false), cost)
            case Not():
                inner = self.emit(condition.item)
                return Forms(inner.false, inner.true, inner.cost)
            case Always():
                return Forms(py.literal(condition.value), py.literal(not condition.value), 0)
            case _:
                return Forms(*self._leaf(condition), _cost(condition))

    def _leaf(self, condition: Condition) -> tuple[ast.expr, ast.expr]:
        match condition:
            case Holds():
                return self._of(self._value(condition.expression))
            case Compare():
                left, right = self._value(condition.left), self._value(condition.right)
                is_true, is_false = OPERATORS[condition.operator]
                return py.compare(left, is_true, right), py.compare(left, is_false, right)
            case Has():
                gap = py.attribute(self._settled(condition.path), "is_broken")
                known = self._known(condition.path)
                return known, py.every(py.negate(known), py.negate(gap))
            case IsType():
                type_ = py.attribute(self._settled(condition.reference), "type")
                known, wanted = self._known(condition.reference), self._constant(condition.type)
                return (
                    py.every(known, py.compare(type_, ast.Eq(), wanted)),
                    py.every(known, py.compare(type_, ast.NotEq(), wanted)),
                )
            case InList():
                return self._in_list(condition)
            case InSet():
                return self._in_set(condition)
            case InRange():
                return self._between(condition.needle, condition.low, condition.high)
            case InNetworks():
                return self._in_networks(condition)
            case And() | Or() | Not() | Always():
                raise TypeError(f"{condition} is no leaf")
            case _:
                return self._of(self._expressions.frame.lazily(condition, lambda: self._judged(condition)))

    def _of(self, value: ast.expr) -> tuple[ast.expr, ast.expr]:
        return py.same(value, py.literal(True)), py.same(value, py.literal(False))

    def _in_list(self, condition: InList) -> tuple[ast.expr, ast.expr]:
        values = _constants(condition.items)
        if values:
            table = self._constant(frozenset(values))
            return self._in(condition.needle, table)
        needle = self._value(condition.needle)
        items = [self._value(item) for item in condition.items]
        return (
            py.some(*(py.compare(needle, ast.Eq(), item) for item in items)),
            py.every(*(py.compare(needle, ast.NotEq(), item) for item in items)),
        )

    def _in(self, needle: Expression, members: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Membership in a set that is known and has elements. A gap is in none, so only "is false" tests for it."""
        is_true = py.compare(self._value(needle), ast.In(), members)
        return is_true, py.every(self._known(needle), py.compare(self._settled(needle), ast.NotIn(), members))

    def _in_set(self, condition: InSet) -> tuple[ast.expr, ast.expr]:
        known, members = self._known(condition.set), self._settled(condition.set)
        is_true, is_false = self._in(condition.needle, members)
        return py.every(known, is_true), py.every(known, py.some(py.negate(members), is_false))

    def _between(self, needle: Expression, low: Expression, high: Expression) -> tuple[ast.expr, ast.expr]:
        value, first, last = self._value(needle), self._value(low), self._value(high)
        outside = py.compare(value, ast.Lt(), first), py.compare(value, ast.Gt(), last)
        return py.between(first, value, last), py.some(*outside)

    def _in_networks(self, condition: InNetworks) -> tuple[ast.expr, ast.expr]:
        """Known networks are ranges of addresses, as these are ordered by version, then number."""
        networks = _constants(condition.networks)
        if not networks:
            return self._of(self._expressions.frame.lazily(condition, lambda: self._judged(condition)))
        ranges = [
            (Constant(Ip(network.version, network.first), _IP), Constant(Ip(network.version, network.last), _IP))
            for network in networks
            if isinstance(network, Network)
        ]
        forms = [self._between(condition.needle, low, high) for low, high in ranges]
        return py.some(*(true for true, _ in forms)), py.every(*(false for _, false in forms))

    def _judged(self, condition: Condition) -> ast.expr:
        """A condition's truth or a gap, from the runtime."""
        constant = self._constant
        match condition:
            case Test():
                return self._expressions.apply(condition.function, condition.arguments)
            case Like():
                return py.call(constant(runtime.like), constant(condition.pattern), self._value(condition.text))
            case InNetworks():
                networks = py.row(*map(self._value, condition.networks))
                return py.call(constant(runtime.in_networks), self._value(condition.needle), networks)
            case Overlap():
                return self._overlap(condition)
            case Under():
                return self._under(condition)
            case HoldsRole():
                return self._holds(condition)
            case Related():
                key = py.row(self._value(condition.resource), constant(condition.relation))
                return self._from_rows("links", key, condition.resource, (constant(runtime.tied),))
            case _:
                raise TypeError(f"{condition} has forms of its own")

    def _overlap(self, condition: Overlap) -> ast.expr:
        in_set, in_list = _OVERLAPS[condition.quantifier]
        elements, among = self._value(condition.set), condition.among
        if not isinstance(among, tuple):
            return py.call(self._constant(in_set), elements, self._value(among))
        values = _constants(among)
        if values:
            return py.call(self._constant(in_set), elements, self._constant(frozenset(values)))
        return py.call(self._constant(in_list), elements, py.row(*map(self._value, among)))

    def _under(self, condition: Under) -> ast.expr:
        high = self._value(condition.high)
        if not is_principal(condition.low):
            return py.call(self._constant(runtime.under), self._value(condition.low), high, py.name(FACTS))
        return py.call(self._constant(runtime.principal_under), high, py.name(FACTS))

    def _holds(self, condition: HoldsRole) -> ast.expr:
        roles = self._constant(condition.roles or frozenset())
        if condition.place is None:
            return self._from_rows("assignments", py.literal(None), None, (self._constant(runtime.holds), roles))
        place = self._value(condition.place)
        if condition.over:
            return py.call(self._constant(runtime.holds_over), place, roles, py.name(FACTS))
        return self._from_rows("assignments", place, condition.place, (self._constant(runtime.holds), roles))

    def _from_rows(
        self, part: str, key: ast.expr, end: Expression | None, judge: tuple[ast.expr, *tuple[ast.expr, ...]]
    ) -> ast.expr:
        """What the rows under a key come to; where there are none, false, or unknown if it is not known under which."""
        find = self._expressions.frame.read(("find", part), lambda: py.attribute(self._expressions.facts(part), "get"))
        function, *arguments = judge
        judged = py.call(function, py.name(SCRATCH), *arguments, py.name(FACTS))
        none = py.literal(False)
        if end is not None:
            none = py.choose(self._known(end), none, self._settled(end))
        return py.choose(py.bind(SCRATCH, py.call(find, key)), judged, none)


_IP: Final = IpType()
_OVERLAPS: Final = {
    Quantifier.ANY: (runtime.any_in_set, runtime.any_in_list),
    Quantifier.ALL: (runtime.all_in_set, runtime.all_in_list),
}


def _constants(expressions: Sequence[Expression]) -> tuple[Scalar, ...]:
    """The values of the expressions if all are constant scalars, else nothing."""
    values = tuple(each.value for each in expressions if isinstance(each, Constant))
    scalars = tuple(value for value in values if not isinstance(value, frozenset | Record))
    return scalars if len(scalars) == len(expressions) else ()


def _cost(condition: Condition) -> int:
    return sum(_node_cost(node) for node in nodes(condition))


def _node_cost(node: Node) -> int:
    match node:
        case Path(steps=steps):
            return 3 if len(steps) > 1 else 1
        case Call() | Test():
            return 30
        case HoldsRole(over=True):
            return 30
        case Under() | HoldsRole() | Related() | Overlap() | Like():
            return 8
        case _:
            return 1
