"""Types membership: in lists, sets, ranges and networks, and of sets in each other."""

from collections.abc import Sequence

from policy_lang.checking.kinds import ORDERED, fits
from policy_lang.checking.known import Known
from policy_lang.checking.symbols import Faults
from policy_lang.checking.value_check import ValueChecker
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression
from policy_lang.typed import Condition, InList, InNetworks, InRange, InSet, Overlap, Quantifier
from policy_lang.typed import Expression as TypedExpression
from policy_lang.types import IpType, NetworkType, SetType, Type


class MembershipChecker:
    """Types these tests for one rule and one type of resource."""

    def __init__(self, faults: Faults, values: ValueChecker) -> None:
        self._faults = faults
        self._values = values

    def test(self, node: ast.In | ast.Overlap, known: Known) -> Condition | None:
        """The typed test; None where a fault was noted."""
        return self._in(node, known) if isinstance(node, ast.In) else self._overlap(node, known)

    def _in(self, node: ast.In, known: Known) -> Condition | None:
        match node.haystack:
            case ast.Range():
                return self._in_range(node, node.haystack, known)
            case ast.ListLiteral():
                return self._in_list(node, node.haystack, known)
            case _:
                return self._in_value(node, known)

    def _in_range(self, node: ast.In, range_: ast.Range, known: Known) -> Condition | None:
        expected = self._number(node.needle, (range_.low, range_.high), known)
        low, high = (self._values.pair(node.needle, end, known, expected) for end in (range_.low, range_.high))
        if low is None or high is None:
            return None
        if not isinstance(low[0].type, ORDERED):
            return self._refuse("E311", node.needle, f"`{low[0].type}` has no order", "a range needs one")
        return InRange(low[0].expression, low[1].expression, high[1].expression)

    def _in_list(self, node: ast.In, list_: ast.ListLiteral, known: Known) -> Condition | None:
        if not list_.items:
            return self._refuse("E301", list_, "an empty list holds nothing")
        expected = self._number(node.needle, list_.items, known)
        pairs = [self._in_item(node.needle, item, known, expected) for item in list_.items]
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
            return self._refuse("E301", list_, "addresses and networks do not mix in a list", "write `/32`, `/128`")
        return InNetworks(needle, tuple(items)) if networks else InList(needle, tuple(items))

    def _in_item(
        self, needle: Expression, item: Expression, known: Known, expected: Type | None
    ) -> tuple[TypedExpression, TypedExpression, bool] | None:
        """The needle and an item of a list, and whether an address is asked of a network."""
        if isinstance(needle, ast.Name):
            pair = self._values.pair(needle, item, known)
            return None if pair is None else (pair[0].expression, pair[1].expression, False)
        left = self._values.value(needle, known, expected)
        right = self._values.value(item, known, expected or (None if left is None else left.type))
        if left is None or right is None:
            return None
        is_network = isinstance(left.type, IpType) and isinstance(right.type, NetworkType)
        if isinstance(left.type, SetType):
            self._refuse("E312", needle, "a set is in nothing", "use `any in` or `all in`")
            return None
        if not is_network and not fits(left.widest, right.widest):
            self._values.refuse_mix(left.type, right.type, item)
            return None
        return left.expression, right.expression, is_network

    def _in_value(self, node: ast.In, known: Known) -> Condition | None:
        """`x in s`: a set, a network, a set of networks."""
        whole = self._values.value(node.haystack, known)
        needle = self._values.value(node.needle, known, None if whole is None else whole.type)
        if needle is None or whole is None:
            return None
        element = whole.type.element if isinstance(whole.type, SetType) else whole.type
        if isinstance(needle.type, IpType) and isinstance(element, NetworkType):
            return InNetworks(needle.expression, (whole.expression,))
        if not isinstance(whole.type, SetType):
            return self._refuse(
                "E301", node.haystack, f"`{whole.type}` holds nothing", "`in` takes a set, a list, a range or networks"
            )
        if not fits(needle.widest, whole.type.element):
            self._values.refuse_mix(needle.type, whole.type.element, node.needle)
            return None
        return InSet(needle.expression, whole.expression)

    def _overlap(self, node: ast.Overlap, known: Known) -> Condition | None:
        quantifier = Quantifier(node.quantifier.text)
        if isinstance(node.among, ast.ListLiteral) and not isinstance(node.set, ast.ListLiteral):
            return self._overlap_list(node, node.among, quantifier, known)
        among = self._values.value(node.among, known)
        set_ = self._values.value(node.set, known, None if among is None else among.type)
        if set_ is None or among is None:
            return None
        for found, written in ((set_, node.set), (among, node.among)):
            if not isinstance(found.type, SetType):
                return self._refuse("E301", written, f"`{found.type}` is no set", "use `in`")
        if isinstance(set_.type, SetType) and isinstance(among.type, SetType):
            if fits(set_.type.element, among.type.element):
                return Overlap(quantifier, set_.expression, among.expression)
            self._values.refuse_mix(set_.type, among.type, node.among)
        return None

    def _overlap_list(
        self, node: ast.Overlap, list_: ast.ListLiteral, quantifier: Quantifier, known: Known
    ) -> Condition | None:
        set_ = self._values.value(node.set, known)
        if set_ is None:
            return None
        if not isinstance(set_.type, SetType):
            return self._refuse("E301", node.set, f"`{set_.type}` is no set", "use `in`")
        if not list_.items:
            return self._refuse("E301", list_, "an empty list holds nothing")
        items: list[TypedExpression] = []
        for item in list_.items:
            found = self._values.value(item, known, set_.type.element)
            if found is None:
                return None
            if not fits(set_.type.element, found.type):
                self._values.refuse_mix(set_.type.element, found.type, item)
                return None
            items.append(found.expression)
        return Overlap(quantifier, set_.expression, tuple(items))

    def _number(self, needle: Expression, others: Sequence[Expression], known: Known) -> Type | None:
        """Decimal, where the needle is an int literal that stands for one."""
        return self._values.common_number((needle, *others), known) if isinstance(needle, ast.Literal) else None

    def _refuse(self, code: str, node: Expression, message: str, help_: str = "") -> Condition | None:
        self._faults.refuse(code, message, node.span, help_)
        return None
