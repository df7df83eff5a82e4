"""Proposes single changes of what is known that could make a condition true, or false: where it is evident which.

A proposal promises nothing: whoever gets one tries it. Nothing is proposed for a test that reads a sensitive input, as
it might tell the value.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeGuard

from policy_lang.counterfactual.changes import CellChange, Change, RowChange
from policy_lang.facts import Assignment, Facts, Link
from policy_lang.forms import read_given, write_given
from policy_lang.judging.expressions import evaluate, read
from policy_lang.judging.standing import rows_that_count
from policy_lang.notation import BadValue
from policy_lang.schema import NOW, Attribute, Origin, Schema
from policy_lang.sensitivity import is_sensitive
from policy_lang.typed import (
    And,
    Compare,
    Comparison,
    Condition,
    Default,
    Expression,
    Has,
    Holds,
    HoldsRole,
    InList,
    InNetworks,
    InRange,
    InSet,
    Not,
    Or,
    Overlap,
    Path,
    Quantifier,
    Related,
    Root,
)
from policy_lang.types import BoolType, EnumType, RefType, Type
from policy_lang.values import Cell, Gap, Ip, Network, Record, Ref, Scalar
from policy_lang.walk import paths

_TURNED: Final[Mapping[Comparison, Comparison]] = {
    Comparison.EQ: Comparison.EQ, Comparison.NE: Comparison.NE, Comparison.LT: Comparison.GT,
    Comparison.LE: Comparison.GE, Comparison.GT: Comparison.LT, Comparison.GE: Comparison.LE,
}  # fmt: skip
_NEGATED: Final[Mapping[Comparison, Comparison]] = {
    Comparison.EQ: Comparison.NE, Comparison.NE: Comparison.EQ, Comparison.LT: Comparison.GE,
    Comparison.LE: Comparison.GT, Comparison.GT: Comparison.LE, Comparison.GE: Comparison.LT,
}  # fmt: skip
_NEAREST: Final[Mapping[Comparison, int]] = {
    Comparison.EQ: 0, Comparison.LT: -1, Comparison.LE: 0, Comparison.GT: 1, Comparison.GE: 0,
}  # fmt: skip
"""How far from the bound the nearest value is for which a comparison holds."""


@dataclass(frozen=True, slots=True)
class Proposer:
    """Proposes changes of one question's facts."""

    facts: Facts
    schema: Schema

    def changes(self, condition: Condition, *, becomes: bool) -> Iterator[Change]:
        """Changes after which the condition may be true, or false."""
        match condition:
            case And() | Or():
                for item in condition.items:
                    yield from self.changes(item, becomes=becomes)
            case Not():
                yield from self.changes(condition.item, becomes=not becomes)
            case _ if not any(map(self._is_sensitive, paths(condition))):
                yield from self._of_test(condition, becomes=becomes)

    def _is_sensitive(self, path: Path) -> bool:
        question = self.facts.question
        return is_sensitive(path, self.schema, question.principal.type, question.resource.type)

    def _of_test(self, condition: Condition, *, becomes: bool) -> Iterator[Change]:
        match condition:
            case Holds():
                yield from self._set(condition.expression, [becomes])
            case Compare():
                yield from self._compared(condition, becomes=becomes)
            case Has() if not becomes:
                yield from self._unset(condition.path)
            case InList() | InSet() | InRange() | InNetworks() | Overlap():
                yield from self._member(condition, becomes=becomes)
            case HoldsRole():
                yield from self._assigned(condition, becomes=becomes)
            case Related():
                yield from self._related(condition, becomes=becomes)
            case _:
                return

    def _cell(self, expression: Expression) -> Cell:
        return evaluate(expression, self.facts).cell

    def _set(self, target: Expression, cells: Iterable[Cell]) -> Iterator[Change]:
        """The input that the expression reads gets the first of these that fits and is another one."""
        path = target.path if isinstance(target, Default) else target
        if not isinstance(path, Path) or self._declared(path) is None:
            return
        now = read(path, self.facts).cell
        fitting = (cell for cell in cells if _fits(cell, path.type) and (isinstance(now, Gap) or cell != now))
        yield from (CellChange(path, cell) for cell in list(fitting)[:1])

    def _unset(self, path: Path) -> Iterator[Change]:
        attribute = self._declared(path)
        if attribute is not None and attribute.is_optional:
            yield CellChange(path, attribute.gap)

    def _declared(self, path: Path) -> Attribute | None:
        """The attribute that the path reads, of the entity that it leads to here; None where that has none."""
        *way, name = path.steps or ("",)
        if path.root is Root.CONTEXT and not way:
            return self.schema.context.get(name, NOW if name == NOW.name else None)
        owner = read(Path(path.root, tuple(way), RefType(())), self.facts).cell
        attribute = self.schema.types[owner.type].attributes.get(name) if isinstance(owner, Ref) else None
        return attribute if not way or attribute is None or attribute.origin is Origin.STORE else None

    def _compared(self, compared: Compare, *, becomes: bool) -> Iterator[Change]:
        operator = compared.operator if becomes else _NEGATED[compared.operator]
        yield from self._set(compared.left, _reaching(operator, self._cell(compared.right), compared.left))
        yield from self._set(compared.right, _reaching(_TURNED[operator], self._cell(compared.left), compared.right))

    def _member(self, condition: InList | InSet | InRange | InNetworks | Overlap, *, becomes: bool) -> Iterator[Change]:
        match condition:
            case InList(needle, items):
                listed = [self._cell(item) for item in items]
                yield from self._set(needle, listed if becomes else _others(needle, listed))
            case InSet(needle, members):
                found, element = self._cell(members), self._cell(needle)
                if isinstance(found, frozenset) and not isinstance(element, Gap | frozenset | Record):
                    yield from self._set(members, [found | {element} if becomes else found - {element}])
            case InRange(needle, low, high):
                first, last = self._cell(low), self._cell(high)
                if _is_whole(first) and _is_whole(last):
                    yield from self._set(needle, [first, last] if becomes else [last + 1, first - 1])
            case InNetworks(needle, networks) if becomes:
                known = [cell for network in networks if isinstance(cell := self._cell(network), Network)]
                firsts = [Ip(each.version, each.first) for each in known]
                yield from self._set(needle, firsts)
            case Overlap():
                yield from self._overlapping(condition, becomes=becomes)
            case _:
                return

    def _overlapping(self, condition: Overlap, *, becomes: bool) -> Iterator[Change]:
        elements, among = self._cell(condition.set), self._among(condition)
        if not isinstance(elements, frozenset):
            return
        match condition.quantifier, becomes:
            case Quantifier.ANY, True:
                yield from self._set(condition.set, [elements | {each} for each in sorted(among, key=str)])
            case Quantifier.ANY, False:
                yield from self._set(condition.set, [elements - among])
            case Quantifier.ALL, True:
                yield from self._set(condition.set, [elements & among])
            case _:
                return

    def _among(self, condition: Overlap) -> frozenset[Scalar]:
        if isinstance(condition.among, tuple):
            cells = map(self._cell, condition.among)
            return frozenset(cell for cell in cells if not isinstance(cell, Gap | frozenset | Record))
        cell = self._cell(condition.among)
        return cell if isinstance(cell, frozenset) else frozenset()

    def _assigned(self, condition: HoldsRole, *, becomes: bool) -> Iterator[Change]:
        place = None if condition.place is None else self._cell(condition.place)
        if place is not None and not isinstance(place, Ref):
            return
        question = self.facts.question
        granting = self.schema.granting(question.resource.type, question.action)
        roles = granting if condition.roles is None else condition.roles
        held = list(rows_that_count(condition, self.facts, granting))
        if becomes and not held:
            fitting = (role for role in self._least(roles) if self.schema.roles[role].on == (place and place.type))
            yield from (RowChange(Assignment(self._asker, role, place, None), is_added=True) for role in fitting)
        elif not becomes and len(held) == 1:
            yield RowChange(held[0], is_added=False)

    def _least(self, roles: frozenset[str]) -> list[str]:
        """Those that include no other of them."""
        return sorted(role for role in roles if self.schema.roles[role].included & roles == {role})

    def _related(self, condition: Related, *, becomes: bool) -> Iterator[Change]:
        end, question = self._cell(condition.resource), self.facts.question
        if not isinstance(end, Ref):
            return
        is_made = end == question.resource and self.schema.makes_row(end.type, question.action)
        declared = self.schema.relations.get((condition.relation, end.type))
        held = list(rows_that_count(condition, self.facts, frozenset()))
        if becomes and not held and declared and not is_made and self._asker.type in declared.subjects:
            yield RowChange(Link(end, condition.relation, self._asker, None), is_added=True)
        elif not becomes and len(held) == 1:
            yield RowChange(held[0], is_added=False)

    @property
    def _asker(self) -> Ref:
        return self.facts.question.principal


def _reaching(operator: Comparison, bound: Cell, target: Expression) -> Iterable[Cell]:
    """The values nearest to a bound for which the comparison with it holds."""
    if operator is Comparison.NE:
        return _others(target, [bound])
    if operator is Comparison.EQ:
        return [bound]
    return [bound + _NEAREST[operator]] if _is_whole(bound) else []


def _others(target: Expression, cells: Iterable[Cell]) -> Iterable[Cell]:
    """The other values of a type that has few."""
    path = target.path if isinstance(target, Default) else target
    type_ = path.type if isinstance(path, Path) else None
    values: Iterable[Cell] = ()
    if isinstance(type_, BoolType):
        values = (True, False)
    elif isinstance(type_, EnumType):
        values = type_.members
    excluded = list(cells)
    return [value for value in values if value not in excluded]


def _is_whole(cell: Cell) -> TypeGuard[int]:
    return isinstance(cell, int) and not isinstance(cell, bool)


def _fits(cell: Cell, type_: Type) -> bool:
    """Whether it is a value that an input of that type may be given."""
    if isinstance(cell, Gap):
        return False
    try:
        return read_given(type_, write_given(type_, cell)) == cell
    except (BadValue, TypeError, OverflowError):
        return False
