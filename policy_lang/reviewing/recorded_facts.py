"""Decides again what was decided: by the inputs and rows that a record kept, without the store.

What a record does not say is open; a decision stands where it comes out the same whatever that may have been.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Final, TypeVar, cast

from policy_lang.ancestry import climb
from policy_lang.facts import Facts, Question
from policy_lang.fold import FoldedRule
from policy_lang.forms import read_given
from policy_lang.functions import FUNCTIONS
from policy_lang.judging.conditions import judge
from policy_lang.judging.expressions import evaluate
from policy_lang.judging.kleene import Truth
from policy_lang.judging.standing import judge_standing
from policy_lang.notation import BadValue
from policy_lang.reads import reads_of
from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.weighing import Open, Scales, Side, roots
from policy_lang.schema import Attribute
from policy_lang.sensitivity import is_sensitive
from policy_lang.typed import Call, Condition, Expression, HoldsRole, Path, Related, Root, Test, Under
from policy_lang.types import Json, TimezoneType, Type
from policy_lang.values import (
    ABSENT,
    BAD_VALUE,
    NO_ROW,
    NOT_GIVEN,
    OPTIONAL_NOT_GIVEN,
    TOO_DEEP,
    UNSET,
    Cell,
    Ref,
)
from policy_lang.walk import Node, is_principal, nodes

_GAPS: Final[Mapping[tuple[Json, bool], Cell]] = {
    ("absent", False): ABSENT,
    ("absent", True): UNSET,
    ("not_given", False): OPTIONAL_NOT_GIVEN,
    ("not_given", True): NOT_GIVEN,
    ("no_row", False): NO_ROW,
    ("bad_value", False): BAD_VALUE,
    ("too_deep", False): TOO_DEEP,
}


class Unrecorded(Open):
    """What is read is not in the record."""

    def __str__(self) -> str:
        return f"{super().__str__()} is not in the record"


class Masked(Unrecorded):
    """What is read is kept out of the record; the path."""

    def __str__(self) -> str:
        return f"masked: {self.args[0]}"


@dataclass(frozen=True, slots=True)
class Known:
    """What the policies that made a record had looked up: places of roles, ends of relations."""

    places: frozenset[Ref | None]
    ends: frozenset[tuple[str, Ref]]


NOTHING_KNOWN: Final = Known(frozenset(), frozenset())
"""Where it is not known which policies these were: only rows that are there can be counted on."""


class FlatSide(Side):
    """One bundle's rules with every path in one step, as records name inputs by their whole path."""

    @cached_property
    def types(self) -> Mapping[str, Type]:
        """The type of every input, by path."""
        return {str(path): path.type for path in self._paths}

    @cached_property
    def sensitive(self) -> frozenset[str]:
        """The inputs that are never recorded, by path."""
        case = self.case
        whole = (replace(path, steps=tuple(path.steps[0].split("."))) for path in self._paths if path.steps)
        ends = case.principal_type, case.resource_type
        return frozenset(str(path) for path in whole if is_sensitive(path, self.schema, *ends))

    @cached_property
    def tells_hours(self) -> bool:
        """Whether a clock is read in some time zone, whose rules may differ from version to version."""
        called = {node.function for node in nodes(*self.roots) if isinstance(node, Call | Test)}
        return any((TimezoneType,) in FUNCTIONS[name].parameters for name in called)

    @cached_property
    def roots(self) -> tuple[Node, ...]:
        """What the rules read is below these."""
        return tuple(node for folded in self.rules.values() for node in roots(folded))

    @property
    def _paths(self) -> Iterator[Path]:
        return (node for node in nodes(*self.roots) if isinstance(node, Path))


def flattened(side: Side) -> FlatSide:
    """The side as records read."""
    return FlatSide(side.schema, side.case, {id_: _flat_rule(folded) for id_, folded in side.rules.items()})


def known_to(side: FlatSide, recorded: Recorded) -> Known:
    """What a side looks up for the question of a record."""
    reads = reads_of(side.roots)
    facts = facts_of(side, recorded)
    places = {place for place in reads.places if place is None}
    found = {ref for each in reads.places if each is not None for ref in _refs(each, facts)}
    above = {
        ref for each in reads.overs for start in _refs(each, facts) for ref in climb(start, facts.parents).ancestors
    }
    ends = {(relation, ref) for relation, each in reads.ends for ref in _refs(each, facts)}
    return Known(frozenset[Ref | None]((*places, *found, *above)), frozenset(ends))


def scales_of(side: FlatSide, recorded: Recorded, known: Known) -> Scales:
    """The scales of a side over a record."""
    facts = facts_of(side, recorded)
    return Scales(side, facts, _Atoms(facts, recorded, known).judge)


def facts_of(side: FlatSide, recorded: Recorded) -> Facts:
    """The facts of a record as a side reads them."""
    parents = recorded.parents
    ascent = climb(recorded.principal, parents)
    types = side.schema.types
    question = Question(
        principal=recorded.principal,
        action=recorded.action,
        resource=recorded.resource,
        now=recorded.now,
        principal_cells={},
        resource_cells={},
        resource_parents=(),
        context=_Inputs(side, recorded, Root.CONTEXT, side.schema.context),
    )
    return Facts(
        question,
        principal_cells=_Inputs(side, recorded, Root.PRINCIPAL, types[recorded.principal.type].attributes),
        resource_cells=_Inputs(side, recorded, Root.RESOURCE, types[recorded.resource.type].attributes),
        rows={},
        parents=parents,
        ancestors=ascent.ancestors,
        is_ancestry_known=not ascent.causes,
        assignments=recorded.assignments,
        links=recorded.links,
    )


@dataclass(frozen=True, slots=True)
class _Atoms:
    """Judges conditions over a record."""

    facts: Facts
    recorded: Recorded
    known: Known

    def judge(self, condition: Condition) -> Truth:
        match condition:
            case Under():
                self._look_above(condition.low)
            case HoldsRole():
                self._look_for_roles(condition)
            case Related():
                self._look_for_rows(condition)
            case _:
                return judge(condition, self.facts, frozenset()).truth
        return judge_standing(condition, self.facts, frozenset()).truth

    def _look_above(self, low: Expression) -> None:
        start = evaluate(low, self.facts).cell
        if isinstance(start, Ref) and start not in self.facts.parents:
            raise Unrecorded("what the principal is in" if is_principal(low) else f"what a `{start.type}` is in")

    def _look_for_roles(self, condition: HoldsRole) -> None:
        place = None if condition.place is None else evaluate(condition.place, self.facts).cell
        if place is not None and not isinstance(place, Ref):
            return
        if condition.over and condition.place is not None:
            self._look_above(condition.place)
        if "assignments" not in self.recorded.inputs or (
            place not in self.known.places and place not in self.facts.assignments
        ):
            raise Unrecorded("the roles held globally" if place is None else f"the roles held at a `{place.type}`")

    def _look_for_rows(self, condition: Related) -> None:
        end = evaluate(condition.resource, self.facts).cell
        if not isinstance(end, Ref):
            return
        asked = (condition.relation, end)
        if asked not in self.known.ends and (end, condition.relation) not in self.facts.links:
            raise Unrecorded(f"the rows of relation `{condition.relation}`")


class _Inputs(Mapping[str, Cell]):
    """The inputs below one root, by the rest of their path."""

    def __init__(self, side: FlatSide, recorded: Recorded, root: Root, declared: Mapping[str, Attribute]) -> None:
        self._side = side
        self._recorded = recorded
        self._root = root
        self._declared = declared

    def __getitem__(self, name: str) -> Cell:
        path = f"{self._root.value}.{name}"
        if path == "context.now":
            return self._recorded.now
        if path in self._recorded.masked or path in self._side.sensitive:
            raise Masked(path)
        if path not in self._recorded.inputs or path not in self._side.types:
            raise Unrecorded(f"`{path}`")
        return self._read(self._recorded.inputs[path], self._side.types[path], self._declared.get(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)

    @staticmethod
    def _read(written: Json, type_: Type, declared: Attribute | None) -> Cell:
        if isinstance(written, dict) and "gap" in written:
            if declared is not None and written["gap"] in ("absent", "not_given"):
                return declared.gap
            return _GAPS.get((written["gap"], bool(written.get("broken"))), BAD_VALUE)
        try:
            return read_given(type_, written)
        except BadValue:
            return BAD_VALUE


def _refs(expression: Expression, facts: Facts) -> list[Ref]:
    try:
        cell = evaluate(expression, facts).cell
    except Unrecorded:
        return []
    return [cell] if isinstance(cell, Ref) else []


def _flat_rule(folded: FoldedRule) -> FoldedRule:
    rule = replace(folded.rule, obligations=_flat(folded.rule.obligations))
    return FoldedRule(rule, _flat(folded.condition))


Tree = TypeVar("Tree")


def _flat(node: Tree) -> Tree:
    """The tree with every path in one step."""
    flat: object = node
    items: object = node
    if isinstance(node, Path):
        flat = replace(node, steps=(".".join(node.steps),) if node.steps else ())
    elif type(items) is tuple:
        flat = tuple(_flat(each) for each in items)
    elif is_dataclass(node) and not isinstance(node, type):
        flat = replace(node, **{each.name: _flat(getattr(node, each.name)) for each in fields(node)})
    return cast(Tree, flat)
