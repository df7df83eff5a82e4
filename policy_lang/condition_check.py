"""Types conditions: connectives with what each operand may take as known from the others, and every kind of test."""

from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Final

from policy_lang import ast
from policy_lang.ast import Expression
from policy_lang.diagnostics import Diagnostic
from policy_lang.known import Known, beside, known_if
from policy_lang.limits import STAR_LIMIT
from policy_lang.paths import DiffersByPrincipal
from policy_lang.standing_check import StandingChecker
from policy_lang.symbols import Faults, Symbols
from policy_lang.typed import (
    Always,
    And,
    Compare,
    Comparison,
    Condition,
    Has,
    Holds,
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
    Root,
    Test,
)
from policy_lang.typed import Expression as TypedExpression
from policy_lang.types import (
    BoolType,
    DurationType,
    IntType,
    IpType,
    NetworkType,
    RefType,
    SetType,
    StringType,
    TimestampType,
)
from policy_lang.value_check import ValueChecker, fits

_ORDERED: Final = (IntType, TimestampType, DurationType)


class ConditionChecker:
    """Types the conditions of one rule, for one type of resource."""

    def __init__(self, symbols: Symbols, faults: Faults, type_: str, module: str) -> None:
        self._symbols = symbols
        self._faults = faults
        self._type = type_
        self._module = module
        self.values = ValueChecker(symbols, faults, type_, module)
        self.standing = StandingChecker(symbols, faults, type_, self.values)

    def condition(self, node: Expression, known: Known) -> Condition | None:
        """The typed condition; None where a fault was noted."""
        match node:
            case ast.And() | ast.Or():
                return self._connective(node, known)
            case ast.Not():
                inner = self.condition(node.item, known)
                return None if inner is None else Not(inner)
            case _:
                found = self._by_principal(lambda here: self._test(node, here), known)
        if found is None and not len(self._faults):
            raise RuntimeError(f"a condition was left out without a fault: {node.span.location}")
        return found

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
            case ast.In():
                return self._membership(node, known)
            case ast.Overlap():
                return self._overlap(node, known)
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
                return self.standing.test(node, known)

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
        if is_order and not isinstance(left.type, _ORDERED):
            self._faults.refuse(
                "E311",
                f"`{left.type}` has no order",
                node.operator.span,
                "order is for int, timestamp and duration",
            )
            return None
        return Compare(operator, left.expression, right.expression)

    def _membership(self, node: ast.In, known: Known) -> Condition | None:
        match node.haystack:
            case ast.Range():
                return self._in_range(node, node.haystack, known)
            case ast.ListLiteral():
                return self._in_list(node, node.haystack, known)
            case _:
                return self._in_value(node, known)

    def _in_range(self, node: ast.In, range_: ast.Range, known: Known) -> Condition | None:
        low, high = self.values.pair(node.needle, range_.low, known), self.values.pair(node.needle, range_.high, known)
        if low is None or high is None:
            return None
        if not isinstance(low[0].type, _ORDERED):
            return self._refuse_code("E311", node.needle, f"`{low[0].type}` has no order", "a range needs one")
        return InRange(low[0].expression, low[1].expression, high[1].expression)

    def _in_list(self, node: ast.In, list_: ast.ListLiteral, known: Known) -> Condition | None:
        if not list_.items:
            return self._refuse_code("E301", list_, "an empty list holds nothing")
        pairs = [self._in_item(node.needle, item, known) for item in list_.items]
        needle, items, networks = None, list[TypedExpression](), 0
        for pair in pairs:
            if pair is None:
                return None
            needle, item, is_network = pair
            items.append(item)
            networks += is_network
        if needle is None:
            return None
        if networks and networks < len(items):
            return self._refuse_code(
                "E301", list_, "addresses and networks do not mix in a list", "write `/32`, `/128`"
            )
        return InNetworks(needle, tuple(items)) if networks else InList(needle, tuple(items))

    def _in_item(
        self, needle: Expression, item: Expression, known: Known
    ) -> tuple[TypedExpression, TypedExpression, bool] | None:
        """The needle and an item of a list, and whether an address is asked of a network."""
        if isinstance(needle, ast.Name):
            pair = self.values.pair(needle, item, known)
            return None if pair is None else (pair[0].expression, pair[1].expression, False)
        left = self.values.value(needle, known)
        right = self.values.value(item, known, None if left is None else left.type)
        if left is None or right is None:
            return None
        is_network = isinstance(left.type, IpType) and isinstance(right.type, NetworkType)
        if isinstance(left.type, SetType):
            self._refuse_code("E312", needle, "a set is in nothing", "use `any in` or `all in`")
            return None
        if not is_network and not fits(left.widest, right.widest):
            self.values.refuse_mix(left.type, right.type, item)
            return None
        return left.expression, right.expression, is_network

    def _in_value(self, node: ast.In, known: Known) -> Condition | None:
        """`x in s`: a set, a network, a set of networks."""
        whole = self.values.value(node.haystack, known)
        needle = self.values.value(node.needle, known, None if whole is None else whole.type)
        if needle is None or whole is None:
            return None
        element = whole.type.element if isinstance(whole.type, SetType) else whole.type
        if isinstance(needle.type, IpType) and isinstance(element, NetworkType):
            return InNetworks(needle.expression, (whole.expression,))
        if not isinstance(whole.type, SetType):
            return self._refuse_code(
                "E301", node.haystack, f"`{whole.type}` holds nothing", "`in` takes a set, a list, a range or networks"
            )
        if not fits(needle.widest, whole.type.element):
            self.values.refuse_mix(needle.type, whole.type.element, node.needle)
            return None
        return InSet(needle.expression, whole.expression)

    def _overlap(self, node: ast.Overlap, known: Known) -> Condition | None:
        quantifier = Quantifier(node.quantifier.text)
        if isinstance(node.among, ast.ListLiteral) and not isinstance(node.set, ast.ListLiteral):
            return self._overlap_list(node, node.among, quantifier, known)
        among = self.values.value(node.among, known)
        set_ = self.values.value(node.set, known, None if among is None else among.type)
        if set_ is None or among is None:
            return None
        for found, written in ((set_, node.set), (among, node.among)):
            if not isinstance(found.type, SetType):
                return self._refuse_code("E301", written, f"`{found.type}` is no set", "use `in`")
        if isinstance(set_.type, SetType) and isinstance(among.type, SetType):
            if fits(set_.type.element, among.type.element):
                return Overlap(quantifier, set_.expression, among.expression)
            self.values.refuse_mix(set_.type, among.type, node.among)
        return None

    def _overlap_list(
        self, node: ast.Overlap, list_: ast.ListLiteral, quantifier: Quantifier, known: Known
    ) -> Condition | None:
        set_ = self.values.value(node.set, known)
        if set_ is None:
            return None
        if not isinstance(set_.type, SetType):
            return self._refuse_code("E301", node.set, f"`{set_.type}` is no set", "use `in`")
        if not list_.items:
            return self._refuse_code("E301", list_, "an empty list holds nothing")
        items: list[TypedExpression] = []
        for item in list_.items:
            found = self.values.value(item, known, set_.type.element)
            if found is None:
                return None
            if not fits(set_.type.element, found.type):
                self.values.refuse_mix(set_.type.element, found.type, item)
                return None
            items.append(found.expression)
        return Overlap(quantifier, set_.expression, tuple(items))

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
