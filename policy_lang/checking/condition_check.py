"""Types conditions: connectives with what each operand may take as known from the others, and every kind of test."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import repeat
from typing import NamedTuple

from policy_lang.checking.kinds import ORDERED
from policy_lang.checking.known import Known, beside, known_if
from policy_lang.checking.membership_check import MembershipChecker
from policy_lang.checking.paths import DiffersByPrincipal
from policy_lang.checking.standing_check import StandingChecker
from policy_lang.checking.symbols import Faults, Symbols, TooManyFaults
from policy_lang.checking.value_check import ValueChecker
from policy_lang.diagnostics import Diagnostic
from policy_lang.limits import STAR_LIMIT
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression
from policy_lang.typed import (
    Always,
    And,
    Compare,
    Comparison,
    Condition,
    Has,
    Holds,
    IsType,
    Like,
    Not,
    Or,
    Path,
    Root,
    Test,
)
from policy_lang.types import (
    BoolType,
    RefType,
    SetType,
    StringType,
)


class Typed(NamedTuple):
    """A condition as written, names replaced, and as typed; whether it reads unguarded what may be absent."""

    node: Expression
    condition: Condition
    may_be_unknown: bool


class ConditionChecker:
    """Types the conditions of one rule, for one type of resource; `typed` are all, the inner ones before the outer."""

    def __init__(self, symbols: Symbols, faults: Faults, type_: str, module: str) -> None:
        self._symbols = symbols
        self._faults = faults
        self._type = type_
        self._module = module
        self.values = ValueChecker(symbols, faults, type_, module)
        self.typed: list[Typed] = []
        self._membership = MembershipChecker(faults, self.values)
        self._standing = StandingChecker(symbols, faults, type_, self.values)

    def condition(self, node: Expression, known: Known) -> Condition | None:
        """The typed condition; None where a fault was noted."""
        before = len(self.values.uncertain)
        found = self._condition(node, known)
        if found is not None:
            self.typed.append(Typed(node, found, may_be_unknown=len(self.values.uncertain) > before))
        return found

    def _condition(self, node: Expression, known: Known) -> Condition | None:
        match node:
            case ast.And() | ast.Or():
                return self._connective(node, known)
            case ast.Not():
                inner = self.condition(node.item, known)
                return None if inner is None else Not(inner)
            case _:
                return self._by_principal(lambda here: self._test(node, here), known)

    def operands(self, nodes: Iterable[Expression], said: Iterable[Known], known: Known) -> list[Condition | None]:
        """The operands of one `and` or `or`, each with what the others say; None for one that cannot matter.

        An operand that itself says who asks is never left out: what it says is what makes others not matter.
        """
        own = list(said)
        found: list[Condition | None] = []
        for node, says, others in zip(nodes, own, beside(own), strict=True):
            here = known.and_(others)
            if not here.is_impossible:
                found.append(self.condition(node, here))
            elif says.says_who:
                found.append(self.condition(node, known))
            else:
                self._try(node, here)
                found.append(None)
        return found

    def _try(self, node: Expression, known: Known) -> None:
        """Notes what is wrong with an operand that does not matter, unless it is well-typed for some principal."""
        if known.types.get(("resource",), True):
            tried = list(map(self._faults_for, repeat(node), self._symbols.principals))
            if all(tried):
                self._faults.extend(tried[0])

    def _faults_for(self, node: Expression, principal: str) -> tuple[Diagnostic, ...]:
        faults = Faults()
        checker = ConditionChecker(self._symbols, faults, self._type, self._module)
        with suppress(TooManyFaults):
            checker.condition(node, Known(types={("principal",): frozenset({principal})}))
        return faults.found

    def _connective(self, node: ast.And | ast.Or, known: Known) -> Condition | None:
        is_and = isinstance(node, ast.And)
        said = [known_if(item, is_and, self.values.paths.targets) for item in node.items]
        items = tuple(item for item in self.operands(node.items, said, known) if item is not None)
        return And(items) if is_and else Or(items)

    def _by_principal(self, check: Callable[[Known], Condition | None], known: Known) -> Condition | None:
        """A test; where types differ by who asks, the `or` over the types of principal, each beside its `is`."""
        try:
            return check(known)
        except DiffersByPrincipal:
            branches: list[Condition] = []
            for name in sorted(known.types.get(("principal",), frozenset(self._symbols.principals))):
                branch = check(known.and_(Known(types={("principal",): frozenset({name})})))
                if branch is None:
                    return None
                asks = Path(Root.PRINCIPAL, (), RefType(self._symbols.principals))
                branches.append(And((IsType(asks, name), branch)))
            return Or(tuple(branches))

    def _test(self, node: Expression, known: Known) -> Condition | None:
        match node:
            case ast.Compare():
                return self._compare(node, known)
            case ast.In() | ast.Overlap():
                return self._membership.test(node, known)
            case ast.Like():
                return self._like(node, known)
            case ast.Has():
                path = self.values.taken_by_has(node.path, known)
                return None if path is None else Has(path)
            case ast.Call():
                called = self.values.call(node, known)
                if called is not None and not isinstance(called[0].result, BoolType):
                    return self._refuse(node, f"`{called[0].name}` gives `{called[0].result}`, no condition")
                return None if called is None else Test(called[0].name, called[1])
            case ast.Literal(value=bool() as value):
                return Always(value)
            case ast.Path() | ast.Coalesce() | ast.Name() | ast.Literal() | ast.Sum() | ast.ListLiteral() | ast.Range():
                return self._holds(node, known)
            case _:
                return self._standing.test(node, known)

    def _holds(self, node: Expression, known: Known) -> Condition | None:
        if isinstance(node, ast.ListLiteral | ast.Range):
            return self._refuse(node, "a list is no condition")
        found = self.values.value(node, known)
        if found is None:
            return None
        if not isinstance(found.type, BoolType):
            return self._refuse(node, f"a condition is needed, not a value of type `{found.type}`", "compare it")
        return Holds(found.expression)

    def _compare(self, node: ast.Compare, known: Known) -> Condition | None:
        pair = self.values.pair(node.left, node.right, known)
        if pair is None:
            return None
        left, right = pair
        if isinstance(left.type, SetType):
            return self._refuse_code("E312", node, "sets have no `==`", "use `any in`, `all in` or `size`")
        operator = Comparison(node.operator.text)
        is_order = operator not in (Comparison.EQ, Comparison.NE)
        if is_order and not isinstance(left.type, ORDERED):
            self._faults.refuse(
                "E311",
                f"`{left.type}` has no order",
                node.operator.span,
                "order is for int, decimal, timestamp and duration",
            )
            return None
        return Compare(operator, left.expression, right.expression)

    def _like(self, node: ast.Like, known: Known) -> Condition | None:
        subject = self.values.value(node.subject, known)
        stars = node.pattern.text.count("*")
        if stars > STAR_LIMIT:
            self._faults.refuse(
                "E406", f"a pattern has at most {STAR_LIMIT} stars (this one has {stars})", node.pattern.span
            )
            return None
        if subject is None:
            return None
        if not isinstance(subject.type, StringType):
            return self._refuse_code("E301", node.subject, f"`like` takes a string, not `{subject.type}`")
        return Like(subject.expression, node.pattern.text)

    def _refuse(self, node: Expression, message: str, help_: str = "") -> Condition | None:
        return self._refuse_code("E302", node, message, help_)

    def _refuse_code(self, code: str, node: Expression, message: str, help_: str = "") -> Condition | None:
        self._faults.refuse(code, message, node.span, help_)
        return None
