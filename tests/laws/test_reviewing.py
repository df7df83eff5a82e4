"""Laws of comparing bundles: every witness really differs, and in a small bundle every change of answers is found."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from policy_lang import loading
from policy_lang.decision import Effect
from policy_lang.reviewing.changes import changes
from policy_lang.reviewing.domains import Domains
from policy_lang.reviewing.goals import What, difference
from policy_lang.reviewing.imagined import Choice, Field, Held, Variable, World
from policy_lang.reviewing.realised import Judge
from policy_lang.reviewing.weighing import side_of
from policy_lang.reviewing.witness import outcomes
from policy_lang.typed import Program
from policy_lang.values import Ref
from tests.laws.declarations import SCHEMA
from tests.laws.generated_rules import Rules, program_of
from tests.laws.test_evaluators import shuffle

SEEDS = st.integers(0, 2**32)
LIMIT = 50
SMALL = """\
module m
principal type User {{ a: bool }}
type Thing {{ b: bool, c: enum(x, y, z), d: bool? }}
context {{ e: bool? }}
actions Thing {{ see }}
role r {{}}
{rules}
"""
ATOMS = ("principal.a", "resource.b", "resource.c == x", "resource.c == y", "resource.d ?? false", "has resource.d",
         "context.e ?? true", "has context.e", "role r")  # fmt: skip
USER, THING = Ref("User", "user"), Ref("Thing", "thing")
CHOICES: dict[Variable, tuple[Choice, ...]] = {
    Field(USER, "a"): (False, True),
    Field(THING, "b"): (False, True),
    Field(THING, "c"): ("x", "y", "z"),
    Field(THING, "d"): (False, True, None),
    Field(None, "e"): (False, True, None),
    Held("m.r", None): (False, True),
}


@given(SEEDS, SEEDS)
@settings(max_examples=8)
def test_every_witness_differs_by_both_evaluators(rules: int, altered: int) -> None:
    old = program_of(Random(rules), 3)
    new = alter(old, Random(altered))
    judges = Judge(old), Judge(new)
    for outcome in outcomes(old, new, LIMIT):
        for witness in outcome.witnesses:
            before, after = (judge.decide(witness.world, witness.domains) for judge in judges)
            assert (before, after) == (witness.old, witness.new)
            assert difference(before, after) is witness.what


@given(SEEDS, SEEDS)
@settings(max_examples=25)
def test_in_a_small_bundle_a_change_is_found_if_and_only_if_there_is_one(first: int, second: int) -> None:
    old, new = small(Random(first)), small(Random(first), Random(second))
    judges = Judge(old), Judge(new)
    domains = Domains([side_of(program, ("User", "Thing", "see")) for program in (old, new)])
    effects = {What.NOW_ALLOWED, What.NOW_DENIED}
    there = {difference(*(judge.decide(world, domains) for judge in judges)) for world in worlds()} & effects
    found = list(outcomes(old, new, 100_000))
    assert all(outcome.is_exhaustive for outcome in found)
    assert {witness.what for outcome in found for witness in outcome.witnesses} & effects == there


@given(SEEDS, SEEDS)
@settings(max_examples=30)
def test_another_order_is_no_change(rules: int, order: int) -> None:
    program = program_of(Random(rules), 4)
    shuffled = {type_: shuffle(Random(order), found) for type_, found in program.rules.items()}
    assert changes(program, Program(SCHEMA, shuffled)) == ()
    assert list(outcomes(program, Program(SCHEMA, shuffled), LIMIT)) == []


def alter(program: Program, random: Random) -> Program:
    """The program with one rule of each type made anew, or turned round."""
    altered = {}
    for type_, found in program.rules.items():
        actions = sorted(SCHEMA.actions[type_])
        at = random.randrange(len(found)) if found else 0
        fresh = Rules(random, type_).rule(found[at].id, actions) if found else None
        turned = found and replace(found[at], is_shadow=not found[at].is_shadow)
        chosen = random.choice([each for each in (fresh, turned) if each])
        altered[type_] = (*found[:at], chosen, *found[at + 1 :])
    return Program(SCHEMA, altered)


def small(random: Random, change: Random | None = None) -> Program:
    """A few rules over few inputs; with `change`, one condition is another."""
    conditions = [condition(random) for _ in range(3)]
    if change is not None:
        conditions[change.randrange(3)] = condition(change)
    effects = (Effect.ALLOW, Effect.ALLOW, Effect.DENY)
    rules = "\n".join(
        f"rule r{at}: {effect.value} see on Thing to anyone when {text}"
        for at, (effect, text) in enumerate(zip(effects, conditions, strict=True))
    )
    return loading.load({"m.policy": SMALL.format(rules=rules)}).program


def condition(random: Random, depth: int = 2) -> str:
    """A condition over the few inputs."""
    if depth == 0 or random.random() < 0.3:
        return random.choice(ATOMS)
    word = random.choice(("and", "or", "not"))
    if word == "not":
        return f"not ({condition(random, depth - 1)})"
    return f"({condition(random, depth - 1)}) {word} ({condition(random, depth - 1)})"


def worlds() -> Iterator[World]:
    """Every world of the few inputs."""
    for choices in product(*CHOICES.values()):
        yield World(USER, "see", THING, dict(zip(CHOICES, choices, strict=True)))
