"""Judges where the principal stands in an imagined world: what is above an entity is chosen, and all of it known."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from policy_lang.facts import Facts
from policy_lang.judging.conditions import judge
from policy_lang.judging.expressions import evaluate
from policy_lang.judging.kleene import Truth
from policy_lang.reviewing.imagined import Field, Held, Linked, Within, World
from policy_lang.reviewing.weighing import Scales, Side
from policy_lang.schema import Attribute, Schema
from policy_lang.typed import Condition, Expression, HoldsRole, Related, Under
from policy_lang.values import Ref

_ABOVE: Final = "above"
"""The end of the name of what is imagined above a place."""


def scales_over(side: Side, world: World, attribute_of: Callable[[Field], Attribute], roles: Iterable[str]) -> Scales:
    """The scales of a side in a world; choices are made by the declarations of `attribute_of`, of these roles."""
    facts = world.facts(side.schema, attribute_of)
    known = tuple(role for role in roles if role in side.schema.roles)
    return Scales(side, facts, _Atoms(side, world, facts, known).judge)


@dataclass(frozen=True, slots=True)
class _Atoms:
    side: Side
    world: World
    facts: Facts
    roles: tuple[str, ...]

    def judge(self, condition: Condition) -> Truth:
        match condition:
            case Under():
                low, high = self._ref(condition.low), self._ref(condition.high)
                return None if low is None or high is None else self._is_under(low, high)
            case HoldsRole(place=None):
                return self._holds(condition.roles, None)
            case HoldsRole():
                place = None if condition.place is None else self._ref(condition.place)
                if place is None:
                    return None
                return self._holds(condition.roles, place) or (condition.over and self._holds_above(condition, place))
            case Related():
                end = self._ref(condition.resource)
                return None if end is None else self._is_linked(condition.relation, end)
            case _:
                return judge(condition, self.facts, frozenset()).truth

    def _ref(self, expression: Expression) -> Ref | None:
        cell = evaluate(expression, self.facts).cell
        return cell if isinstance(cell, Ref) else None

    def _is_under(self, low: Ref, high: Ref) -> bool:
        if low == high:
            return True
        return bool(way_up(self.side.schema, low.type, high.type)) and self.world.is_so(Within(low, high))

    def _holds(self, roles: frozenset[str] | None, place: Ref | None) -> bool:
        if self._is_made(place):
            return False
        on = None if place is None else place.type
        declared = self.side.schema.roles
        asked = (role for role in self.roles if role in (roles or ()) and declared[role].on == on)
        return any(self.world.is_so(Held(role, place)) for role in asked)

    def _holds_above(self, condition: HoldsRole, place: Ref) -> bool:
        above = (Ref(type_, f"{type_.lower()}-{_ABOVE}") for type_ in self.side.schema.types[place.type].parents)
        return any(self._is_under(place, ref) and self._holds(condition.roles, ref) for ref in above if ref != place)

    def _is_linked(self, relation: str, end: Ref) -> bool:
        declared = self.side.schema.relations.get((relation, end.type))
        if declared is None or self._is_made(end):
            return False
        is_reached = any(reaches(self.side.schema, self.world.principal.type, type_) for type_ in declared.subjects)
        return is_reached and self.world.is_so(Linked(relation, end))

    def _is_made(self, ref: Ref | None) -> bool:
        return self.side.makes_row and ref == self.world.resource


def reaches(schema: Schema, principal: str, subject: str) -> bool:
    """Whether a row that leads to one of `subject` can count for a principal: it is one, or is right in one."""
    return principal == subject or len(way_up(schema, principal, subject)) == 1


def way_up(schema: Schema, low: str, high: str) -> tuple[str, ...]:
    """The shortest way from a type whose entities have parents up to another, `high` last; nothing if there is none."""
    ways: list[tuple[str, ...]] = [(low,)]
    seen: set[str] = set()
    for way in ways:
        declared = schema.types.get(way[-1])
        parents = declared.parents if declared is not None and declared.is_stored else ()
        for parent in parents:
            if parent == high:
                return (*way[1:], high)
            if parent not in seen:
                seen.add(parent)
                ways.append((*way, parent))
    return ()
