"""Finds conditions that cannot all be true at once, from what each leaves of the values that an expression may have."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from policy_lang.notation import INT_LIMIT
from policy_lang.typed import (
    And,
    Call,
    Compare,
    Comparison,
    Condition,
    Constant,
    Default,
    Expression,
    Has,
    Holds,
    IdOf,
    InList,
    InNetworks,
    InRange,
    IsType,
    Not,
    Or,
    Overlap,
    Path,
    Root,
    Sum,
)
from policy_lang.types import BoolType, EnumType, IntType, RefType, StringType, TimezoneType, Type
from policy_lang.values import Value
from policy_lang.walk import Node, children

Part = tuple[Condition, bool]
"""A condition, and whether it is to be true or false."""

_FAR: Final = 10**18
"""Further than any sum reaches."""

BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "hour": (0, 23),
    "weekday": (1, 7),
    "time_of_day": (0, 86_399_999),
    "size": (0, _FAR),
}
"""The least and the greatest that a function gives."""

_OPPOSITE: Final = {Comparison.NE: Comparison.EQ, Comparison.GE: Comparison.LT, Comparison.GT: Comparison.LE}
_MIRRORED: Final = {
    Comparison.EQ: Comparison.EQ,
    Comparison.NE: Comparison.NE,
    Comparison.LT: Comparison.GT,
    Comparison.LE: Comparison.GE,
    Comparison.GT: Comparison.LT,
    Comparison.GE: Comparison.LE,
}


def parts_of(condition: Condition, is_true: bool = True) -> Iterator[Part]:
    """The conditions that must all come to what is said with each, so that this one does."""
    match condition:
        case Not():
            yield from parts_of(condition.item, not is_true)
        case And() if is_true:
            for item in condition.items:
                yield from parts_of(item)
        case Or() if not is_true:
            for item in condition.items:
                yield from parts_of(item, is_true=False)
        case Compare():
            yield _canonical(condition, is_true)
        case _:
            yield condition, is_true


def _canonical(found: Compare, is_true: bool) -> Part:
    """The same part for comparisons that say the same: by `==`, `<` or `<=`, the operands in one order."""
    operator, left, right = found.operator, found.left, found.right
    if isinstance(left, Constant) or (not isinstance(right, Constant) and shown(right) < shown(left)):
        operator, left, right = _MIRRORED[operator], right, left
    is_opposite = operator in _OPPOSITE
    return Compare(_OPPOSITE.get(operator, operator), left, right), is_true is not is_opposite


def conflict(parts: Iterable[Part]) -> str:
    """What the parts contradict each other about, as a reader knows it; nothing where they may all hold."""
    said: dict[Condition, bool] = {}
    rooms: dict[Expression, _Room] = {}
    kinds: dict[Expression, _Room] = {}
    for condition, is_true in parts:
        if said.setdefault(condition, is_true) is not is_true:
            return _named(_subject(condition))
        left = kinds if isinstance(condition, IsType) else rooms
        for expression, room in _rooms(condition, is_true):
            left[expression] = left[expression].within(room) if expression in left else room
            if left[expression].is_empty:
                return _named(expression)
    absent = [condition.path for condition, is_true in said.items() if isinstance(condition, Has) and not is_true]
    read = {place for condition in said for place in _needs(condition)} if absent else set()
    return next((_named(path) for path in absent if (path.root, path.steps) in read), "")


def _needs(condition: Condition) -> Iterator[tuple[Root, tuple[str, ...]]]:
    """What has to be there for a test to be true or false: each path that it reads, and the ways to it."""
    match condition:
        case Has() | And() | Or():
            return
        case InList() | InNetworks():
            waiting: list[Node] = [condition.needle]
        case Overlap():
            waiting = [condition.set]
        case _:
            waiting = [*children(condition)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Path):
            yield from ((node.root, node.steps[:end]) for end in range(1, len(node.steps) + 1))
        elif not isinstance(node, Default):
            waiting += children(node)


def _named(expression: Expression | None) -> str:
    text = "" if expression is None else shown(expression)
    return f"`{text}`" if text else "the data"


def shown(expression: Expression) -> str:
    """An expression as it is written; nothing for one that has no short form."""
    match expression:
        case Path():
            return str(expression)
        case Constant(value=str() as text, type=StringType() | TimezoneType()):
            return f'"{text}"'
        case Constant(value=str() | int() as value):
            return str(value)
        case Default():
            return str(expression.path)
        case IdOf():
            return f"{shown(expression.reference)}.id"
        case Call():
            return f"{expression.function}({', '.join(map(shown, expression.arguments))})"
        case Sum():
            return f"{shown(expression.left)} {'-' if expression.is_minus else '+'} {shown(expression.right)}"
        case _:
            return ""


@dataclass(frozen=True, slots=True)
class _Room:
    """The values that an expression may still have. None: not a matter of listed values."""

    allowed: frozenset[Value] | None = None
    excluded: frozenset[Value] = field(default_factory=frozenset)
    low: int = -_FAR
    high: int = _FAR

    def within(self, other: "_Room") -> "_Room":
        """What both leave."""
        both = [allowed for allowed in (self.allowed, other.allowed) if allowed is not None]
        allowed = both[0].intersection(*both[1:]) if both else None
        excluded = self.excluded | other.excluded
        return _Room(allowed, excluded, max(self.low, other.low), min(self.high, other.high))

    @property
    def is_empty(self) -> bool:
        """Whether no value is left."""
        if self.low > self.high:
            return True
        if self.allowed is None:
            return self.high - self.low < len(self.excluded) and self._excludes_all()
        return not any(self._admits(value) for value in self.allowed)

    def _excludes_all(self) -> bool:
        return all(value in self.excluded for value in range(self.low, self.high + 1))

    def _admits(self, value: Value) -> bool:
        if value in self.excluded:
            return False
        return not isinstance(value, int) or self.low <= value <= self.high


def _rooms(condition: Condition, is_true: bool) -> Iterator[tuple[Expression, _Room]]:
    """What a condition leaves of an expression, where it comes to that."""
    match condition:
        case Compare(left=Constant()):
            return
        case Compare(left=expression, right=Constant(value=value, type=type_)):
            yield expression, _domain(expression, type_).within(_compared(condition.operator, value, is_true))
        case InList(needle=expression, items=items) if items:
            values = [item.value for item in items if isinstance(item, Constant)]
            if len(values) == len(items) and isinstance(items[0], Constant):
                room = _Room(frozenset(values)) if is_true else _Room(excluded=frozenset(values))
                yield expression, _domain(expression, items[0].type).within(room)
        case InRange(
            needle=expression, low=Constant(value=int() as low, type=type_), high=Constant(value=int() as high)
        ):
            if is_true:
                yield expression, _domain(expression, type_).within(_Room(low=low, high=high))
        case Holds(expression=expression):
            yield expression, _Room(frozenset({is_true}))
        case IsType(reference=Path() as path, type=name) if isinstance(path.type, RefType):
            if is_true or path.root is not Root.PRINCIPAL or path.steps:
                targets = frozenset[Value](path.type.targets)
                yield path, _Room(targets & {name} if is_true else targets - {name})
        case _:
            return


def _compared(operator: Comparison, value: Value, is_true: bool) -> _Room:
    match operator, value:
        case Comparison.EQ, _:
            return _Room(frozenset({value})) if is_true else _Room(excluded=frozenset({value}))
        case Comparison.LT, int():
            return _Room(high=value - 1) if is_true else _Room(low=value)
        case Comparison.LE, int():
            return _Room(high=value) if is_true else _Room(low=value + 1)
        case _:
            return _Room()


def _domain(expression: Expression, type_: Type) -> _Room:
    """The values that an expression has anyhow."""
    if isinstance(expression, Call) and expression.function in BOUNDS:
        low, high = BOUNDS[expression.function]
        return _Room(low=low, high=high)
    match type_:
        case EnumType():
            return _Room(frozenset(type_.members))
        case BoolType():
            return _Room(frozenset({True, False}))
        case IntType() if isinstance(expression, Path):
            return _Room(low=-INT_LIMIT, high=INT_LIMIT)
        case _:
            return _Room()


def _subject(condition: Condition) -> Expression | None:
    """What a condition is about, where that is one thing."""
    match condition:
        case Compare():
            return condition.left
        case Holds():
            return condition.expression
        case Has():
            return condition.path
        case _:
            return None
