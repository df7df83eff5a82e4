"""Says which conditions come to the same whatever the data: never true, or never false (then true, or unknown)."""

from collections.abc import Callable
from dataclasses import dataclass

from policy_lang.linting.contradictions import BOUNDS, conflict, parts_of, shown
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
    InList,
    InRange,
    IsType,
    Like,
    Not,
    Or,
    Overlap,
    Path,
    Quantifier,
    Root,
    Test,
    Under,
)
from policy_lang.types import EnumType, RefType

IsThere = Callable[[Path], bool]
"""Whether a path is never absent."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a condition comes to, unless it is unknown, and why."""

    is_true: bool
    why: str


def is_settled(condition: Condition, is_there: IsThere) -> bool | None:
    """False: never true. True: never false. None: it depends."""
    match condition:
        case Not():
            inner = is_settled(condition.item, is_there)
            return None if inner is None else not inner
        case And() | Or():
            return _joined(condition, is_there)
        case _:
            found = settled_test(condition, is_there)
            return None if found is None else found.is_true


def _joined(condition: And | Or, is_there: IsThere) -> bool | None:
    is_or = isinstance(condition, Or)
    items = [is_settled(item, is_there) for item in condition.items]
    if is_or in items:
        return is_or
    if all(item is (not is_or) for item in items):
        return not is_or
    return is_or if clash(condition) else None


def clash(condition: And | Or) -> str:
    """What the items of an `and` contradict each other about, or those of an `or` leave nothing out of."""
    is_and = isinstance(condition, And)
    return conflict(part for item in condition.items for part in parts_of(item, is_and))


def settled_test(condition: Condition, is_there: IsThere) -> Settled | None:
    """What a test without parts comes to, if that is always the same."""
    match condition:
        case Always():
            return Settled(condition.value, f"it is `{str(condition.value).lower()}`")
        case Compare():
            return _compare(condition)
        case InList():
            return _in_list(condition)
        case InRange(low=Constant(value=int() as low), high=Constant(value=int() as high)):
            return _in_range(condition.needle, low, high)
        case Overlap(among=among) if condition.set == among:
            return Settled(True, "both sides are the same") if condition.quantifier is Quantifier.ALL else None
        case Like():
            return Settled(True, "the pattern fits every text") if not condition.pattern.strip("*") else None
        case Has():
            return Settled(True, f"`{condition.path}` is not optional") if is_there(condition.path) else None
        case IsType():
            return _is_type(condition)
        case Under():
            return Settled(True, "both sides are the same") if condition.low == condition.high else None
        case Test():
            return _test(condition)
        case Holds(expression=Constant(value=bool() as value)):
            return Settled(value, f"it is `{str(value).lower()}`")
        case _:
            return None


def _compare(found: Compare) -> Settled | None:
    is_equal = found.operator in (Comparison.EQ, Comparison.LE, Comparison.GE)
    if found.left == found.right:
        return Settled(is_equal, "both sides are the same")
    if isinstance(found.left, Constant) and isinstance(found.right, Constant):
        return Settled(_literally(found.operator, found.left.value, found.right.value), "both sides are literals")
    return _never_upper(found) or _out_of_bounds(found)


def _literally(operator: Comparison, left: object, right: object) -> bool:
    match operator:
        case Comparison.EQ:
            return left == right
        case Comparison.NE:
            return left != right
        case _ if not isinstance(left, int) or not isinstance(right, int):
            raise TypeError("only numbers have an order")
        case Comparison.LT:
            return left < right
        case Comparison.LE:
            return left <= right
        case Comparison.GT:
            return left > right
        case Comparison.GE:
            return left >= right


def _never_upper(found: Compare) -> Settled | None:
    """`lower(x) == "EU"`."""
    for one, other in ((found.left, found.right), (found.right, found.left)):
        match one, other:
            case Call(function="lower"), Constant(value=str() as text) if text.translate(_LOWER) != text:
                return Settled(found.operator is Comparison.NE, "`lower` gives no capital letters")
    return None


_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _out_of_bounds(found: Compare) -> Settled | None:
    """`hour(…) == 24`."""
    call = found.left if isinstance(found.left, Call) else found.right
    if not isinstance(call, Call) or call.function not in BOUNDS:
        return None
    why = f"`{call.function}` gives {_between(call.function)}"
    if conflict([*parts_of(found)]):
        return Settled(False, why)
    return Settled(True, why) if conflict([*parts_of(found, is_true=False)]) else None


def _between(function: str) -> str:
    low, high = BOUNDS[function]
    return {"size": "0 or more", "time_of_day": "less than a day"}.get(function, f"{low} to {high}")


def _in_list(found: InList) -> Settled | None:
    if found.needle in found.items:
        return Settled(True, f"{_quoted(found.needle)} is in the list")
    values = {item.value for item in found.items if isinstance(item, Constant)}
    if len(values) < len(set(found.items)):
        return None
    if isinstance(found.needle, Constant):
        return Settled(False, "no item of the list is that")
    type_ = found.items[0].type if isinstance(found.items[0], Constant) else None
    if isinstance(type_, EnumType) and values == set(type_.members):
        return Settled(True, "the list has every member")
    return None


def _in_range(needle: Expression, low: int, high: int) -> Settled | None:
    if low > high:
        return Settled(False, "the range ends before it begins")
    if isinstance(needle, Constant) and isinstance(needle.value, int):
        return Settled(low <= needle.value <= high, "both sides are literals")
    if not isinstance(needle, Call) or needle.function not in BOUNDS:
        return None
    least, greatest = BOUNDS[needle.function]
    why = f"`{needle.function}` gives {_between(needle.function)}"
    if high < least or low > greatest:
        return Settled(False, why)
    return Settled(True, why) if low <= least and high >= greatest else None


def _is_type(found: IsType) -> Settled | None:
    """Of a principal nothing is said: types that may ask are added without a look at every rule."""
    if not isinstance(found.reference, Path) or not isinstance(found.reference.type, RefType):
        return None
    if found.reference.root is Root.PRINCIPAL and not found.reference.steps:
        return None
    targets = found.reference.type.targets
    if found.type not in targets:
        return Settled(False, f"{_quoted(found.reference)} is always a `{' | '.join(targets)}`")
    return Settled(True, f"{_quoted(found.reference)} is always one") if len(targets) == 1 else None


def _test(found: Test) -> Settled | None:
    match found.arguments:
        case (one, other) if one == other:
            return Settled(True, "both texts are the same")
        case (_, Constant(value="")):
            return Settled(True, "every text has the empty one in it")
        case _:
            return None


def _quoted(expression: Expression) -> str:
    return f"`{shown(expression)}`" if isinstance(expression, Path) else "it"
