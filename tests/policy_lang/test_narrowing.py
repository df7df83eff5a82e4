"""Law: what the type checker leaves out, as it cannot matter, never changes what a rule comes to.

Conditions are made at random from tests of who asks and reads that not every principal has; where they are well-typed,
the typed rule is judged beside the text, for every principal and every state of what it reads.
"""

from collections.abc import Callable, Iterable
from itertools import product
from typing import NamedTuple

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from policy_lang.diagnostics import PolicyError
from policy_lang.typed import Always, And, ClauseKind, Compare, Condition, Holds, IsType, Not, Or, Path
from tests.policy_lang.source_text import rule

Truth = bool | None


class World(NamedTuple):
    """Who asks, and what three reads give; None is unknown."""

    principal: str
    locked: Truth
    clearance: Truth
    grade: Truth


class Written(NamedTuple):
    """A condition as text, and what it means."""

    text: str
    truth: Callable[[World], Truth]


def all_of(truths: Iterable[Truth]) -> Truth:
    found = list(truths)
    return False if False in found else None if None in found else True


def negation(truth: Truth) -> Truth:
    return None if truth is None else not truth


def any_of(truths: Iterable[Truth]) -> Truth:
    return negation(all_of(map(negation, truths)))


def of_user(read: Callable[[World], Truth]) -> Callable[[World], Truth]:
    """A read of what only users have: unknown for all others."""
    return lambda world: read(world) if world.principal == "User" else None


ATOMS = (
    Written("principal is User", lambda world: world.principal == "User"),
    Written("principal is Service", lambda world: world.principal == "Service"),
    Written("User", lambda world: world.principal == "User"),
    Written("resource.locked", lambda world: world.locked),
    Written("principal.clearance == 1", of_user(lambda world: world.clearance)),
    Written("principal.grade == principal.grade", lambda world: world.grade),
)


def joined(word: str, items: list[Written]) -> Written:
    together = all_of if word == "and" else any_of
    text = f" {word} ".join(f"({item.text})" for item in items)
    return Written(text, lambda world: together(item.truth(world) for item in items))


def negated(item: Written) -> Written:
    return Written(f"not ({item.text})", lambda world: negation(item.truth(world)))


CONDITIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: (
        st.builds(joined, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3))
        | st.builds(negated, inner)
    ),
    max_leaves=6,
)
STATES: tuple[Truth, ...] = (True, False, None)
WORLDS = [World(who, *states) for who in ("User", "Service") for states in product(STATES, STATES, STATES)]


def judged(condition: Condition, world: World) -> Truth:
    """What a typed condition comes to."""
    match condition:
        case And():
            return all_of(judged(item, world) for item in condition.items)
        case Or():
            return any_of(judged(item, world) for item in condition.items)
        case Not():
            return negation(judged(condition.item, world))
        case Always():
            return condition.value
        case IsType():
            return condition.type == world.principal
        case Holds():
            return world.locked
        case Compare(left=Path(steps=("clearance",))):
            return world.clearance if world.principal == "User" else None
        case Compare(left=Path(steps=("grade",))):
            return world.grade
        case _:
            raise AssertionError(condition)


@settings(deadline=None)
@given(CONDITIONS, CONDITIONS, CONDITIONS)
def test_what_is_left_out_cannot_matter(first: Written, second: Written, third: Written) -> None:
    text = f"when {first.text} when {second.text} unless {third.text}"
    try:
        clauses = rule(f"rule r: deny read on Document {text}").clauses
    except PolicyError:
        assume(False)
    for world in WORLDS:
        expected = all_of((first.truth(world), second.truth(world), negation(third.truth(world))))
        truths = [(clause.kind, judged(clause.condition, world)) for clause in clauses]
        got = all_of(negation(truth) if kind is ClauseKind.UNLESS else truth for kind, truth in truths)
        assert got is expected, (text, world)
