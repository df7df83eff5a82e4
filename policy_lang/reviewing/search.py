"""Searches for a request that two bundles answer differently, over all that the rules read, choice by choice.

A choice is made only where a rule waits for it, those that differ first; a branch is left as soon as the two can no
longer differ. So every combination of the values worth trying (domains.py) is covered, unless the limit ends it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from policy_lang.decision import Effect
from policy_lang.reviewing.domains import Domains
from policy_lang.reviewing.goals import GOALS, Goal, Weights, What
from policy_lang.reviewing.imagined import Choice, Undecided, Variable, World
from policy_lang.reviewing.imagined_standing import scales_over
from policy_lang.reviewing.pairing import Pair, says, telling_roles
from policy_lang.reviewing.weighing import FALSE, SETTLED_FALSE, Scales, Weight


@dataclass(frozen=True, slots=True)
class Found:
    """A world that the two sides answer differently; its choices are those that matter."""

    what: What
    world: World


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search came to: `steps` are the choices weighed; `is_exhaustive`: no value worth trying was left out."""

    found: tuple[Found, ...]
    steps: int
    is_exhaustive: bool


Accept = Callable[[Found], bool]
"""Whether a world shows the difference once it is made of rows."""
GoOn = Callable[[], None]
"""Called at each step; may raise, which ends the search."""


class _Spent(Exception):
    """The limit is reached."""


def go_on_always() -> None:
    """Ends nothing."""


def search(pair: Pair, domains: Domains, limit: int, accept: Accept, *, go_on: GoOn = go_on_always) -> Searched:
    """One accepted world for each way in which the two differ; the limit is the steps altogether."""
    return _Search(pair, domains, limit, accept, go_on).run()


@dataclass(slots=True)
class _Search:
    pair: Pair
    domains: Domains
    limit: int
    accept: Accept
    go_on: GoOn
    steps: int = 0
    found: dict[What, Found] = field(default_factory=dict)

    def run(self) -> Searched:
        is_exhaustive = True
        for goal in GOALS:
            if goal.is_worth(self.pair, self.found):
                is_exhaustive = self._pursue(goal) and is_exhaustive
        return Searched(tuple(self.found.values()), self.steps, is_exhaustive)

    def _pursue(self, goal: Goal) -> bool:
        """Whether nothing was left out."""
        roles = telling_roles(self.pair)
        try:
            for principal in self.domains.principals():
                for resource in self.domains.resources(principal):
                    world = World(principal, self.pair.new.case.action, resource, {})
                    sides = (self.pair.old, self.pair.new)
                    old, new = (scales_over(side, world, self.domains.attribute, roles) for side in sides)
                    _Descent(self, goal, world, (old, new)).descend()
        except _Spent:
            return False
        return True


@dataclass(frozen=True, slots=True)
class _Fork:
    """Where a choice is made: of what, what is left to try, and the weights that stay whatever is chosen."""

    variable: Variable
    left: Iterator[Choice]
    old: Weights
    new: Weights


@dataclass(frozen=True, slots=True)
class _Descent:
    """The way of one goal through the choices of one world.

    The forks are a list, not calls: rules may read more than calls may be nested.
    """

    search: _Search
    goal: Goal
    world: World
    scales: tuple[Scales, Scales]

    def descend(self) -> None:
        """Goes through the choices until each is tried, or left out as telling nothing; _Spent at the limit."""
        path = [self._weigh({}, {})]
        while path:
            fork = path[-1]
            if fork is not None and self._choose(fork):
                path.append(self._weigh(fork.old, fork.new))
            else:
                path.pop()

    def _weigh(self, old: Weights, new: Weights) -> _Fork | None:
        """Weighs what is not settled yet; None where the branch ends there."""
        if self.search.steps >= self.search.limit:
            raise _Spent
        self.search.go_on()
        self.search.steps += 1
        old = _weighed(self.scales[0], old)
        new = _weighed(self.scales[1], {**new, **{id_: old[id_] for id_ in self.search.pair.alike}})
        variable = self._next(old, new)
        if variable is None:
            return None
        choices = self.search.domains.choices(variable, self.world.principal, self.world.resource)
        return _Fork(variable, iter(choices), _settled(old), _settled(new))

    def _choose(self, fork: _Fork) -> bool:
        """Makes the next choice; False, and takes the last one back, where none is left or nothing more is sought."""
        if not self.goal.finds <= self.search.found.keys():
            for choice in fork.left:
                self.world.choices[fork.variable] = choice
                return True
        self.world.choices.pop(fork.variable, None)
        return False

    def _next(self, old: Weights, new: Weights) -> Variable | None:
        """What to choose next; None where the branch ends, with a find or without."""
        if self._must_agree(old, new):
            return None
        try:
            labels = self.goal.label(self.scales[0], old), self.goal.label(self.scales[1], new)
        except Undecided as open_:
            return open_.variable
        possible = self.goal.differences(*labels) - self.search.found.keys()
        if possible and None not in labels:
            self._note(possible)
        return next(self._awaited(old, new), None) if possible and None in labels else None

    def _note(self, whats: frozenset[What]) -> None:
        world = self.world
        for what in whats:
            found = Found(what, World(world.principal, world.action, world.resource, dict(world.choices)))
            if self.search.accept(found):
                self.search.found[what] = found

    def _must_agree(self, old: Weights, new: Weights) -> bool:
        """Whether every rule that is not alike comes to the same in both."""
        return all(
            self._agrees(id_, old.get(id_, SETTLED_FALSE), new.get(id_, SETTLED_FALSE))
            for id_ in self.search.pair.differing
        )

    def _agrees(self, id_: str, old: Weight, new: Weight) -> bool:
        if not old.is_settled or old.mask != new.mask:
            return False
        if old.mask == FALSE:
            return True
        first, second = (scales.side.rules[id_].rule for scales in self.scales)
        return says(first) == says(second) and first.obligations == second.obligations

    def _awaited(self, old: Weights, new: Weights) -> Iterator[Variable]:
        """What rules wait for: those that are not alike first, then denials, then permissions."""
        waiting = [
            (id_ in self.search.pair.alike, scales.side.rules[id_].rule.effect is Effect.ALLOW, id_, weight.waits_for)
            for scales, weights in zip(self.scales, (old, new), strict=True)
            for id_, weight in weights.items()
        ]
        for *_, open_ in sorted(waiting, key=lambda each: each[:3]):
            if isinstance(open_, Undecided):
                yield open_.variable


def _weighed(scales: Scales, known: Weights) -> Weights:
    """The weights as they stand now, where they are not known."""
    return {id_: known[id_] if id_ in known else scales.rule(folded) for id_, folded in scales.side.rules.items()}


def _settled(weights: Weights) -> Weights:
    """Those that stay, whatever is chosen next."""
    return {id_: weight for id_, weight in weights.items() if weight.is_settled}
