"""Finds a witness for each way in which two bundles decide differently: tried on both, and as small as it gets."""

from collections.abc import Iterator
from dataclasses import dataclass

from policy_lang.compiler import Key
from policy_lang.decision import Decision
from policy_lang.reviewing.domains import Domains
from policy_lang.reviewing.goals import What, answer_of, difference
from policy_lang.reviewing.imagined import Field, Variable, World
from policy_lang.reviewing.pairing import common_keys, pair_of
from policy_lang.reviewing.realised import Judge
from policy_lang.reviewing.search import Found, GoOn, go_on_always, search
from policy_lang.typed import Program


@dataclass(frozen=True, slots=True)
class Witness:
    """A request that is decided differently, the world around it, and both decisions."""

    what: What
    world: World
    domains: Domains
    old: Decision
    new: Decision


@dataclass(frozen=True, slots=True)
class Outcome:
    """What searching one kind of question came to; `differing` are the ids of the rules that are not alike.

    `is_exhaustive`: no value worth trying was left out.
    """

    key: Key
    differing: tuple[str, ...]
    witnesses: tuple[Witness, ...]
    steps: int
    is_exhaustive: bool


def outcomes(old: Program, new: Program, limit: int, go_on: GoOn = go_on_always) -> Iterator[Outcome]:
    """What searching each kind of question that is decided by other rules came to, in the order of their names."""
    judges = Judge(old), Judge(new)
    for key in common_keys(old, new):
        go_on()
        if (pair := pair_of(old, new, key)) is None:
            continue
        domains = Domains((pair.old, pair.new))
        trial = _Trial(judges, domains, go_on)
        found = search(pair, domains, limit, trial.shows, go_on=go_on)
        witnesses = tuple(trial.smallest(each) for each in found.found)
        yield Outcome(key, tuple(sorted(pair.differing)), witnesses, found.steps, found.is_exhaustive)


@dataclass(frozen=True, slots=True)
class _Trial:
    """Decides on worlds by both bundles."""

    judges: tuple[Judge, Judge]
    domains: Domains
    go_on: GoOn

    def shows(self, found: Found) -> bool:
        """Whether the two really differ so."""
        old, new = self._decide(found.world)
        if found.what is What.SHADOW:
            return old.shadow_effect is not new.shadow_effect
        return difference(old, new) is found.what

    def smallest(self, found: Found) -> Witness:
        """The same two decisions over as few choices as it takes; `go_on` may end it, for it is half of the work."""
        world = found.world
        wanted = self._said(world)
        is_smaller = True
        while is_smaller:
            is_smaller = False
            for variable in reversed(list(world.choices)):
                for smaller in self._smaller(world, variable):
                    self.go_on()
                    if self._said(smaller) == wanted:
                        world, is_smaller = smaller, True
                        break
        return Witness(found.what, world, self.domains, *self._decide(world))

    def _smaller(self, world: World, variable: Variable) -> Iterator[World]:
        """Without a choice, then with a plainer one."""
        kept = {each: choice for each, choice in world.choices.items() if each != variable}
        yield World(world.principal, world.action, world.resource, kept)
        if isinstance(variable, Field):
            chosen = world.choices[variable]
            for plainer in self.domains.choices(variable, world.principal, world.resource):
                if plainer == chosen:
                    return
                yield World(world.principal, world.action, world.resource, {**world.choices, variable: plainer})

    def _decide(self, world: World) -> tuple[Decision, Decision]:
        old, new = (judge.decide(world, self.domains) for judge in self.judges)
        return old, new

    def _said(self, world: World) -> list[tuple[object, ...]]:
        return [(*answer_of(decision), decision.shadow_effect) for decision in self._decide(world)]
