"""Laws of deciding, over generated bundles, stores and questions: two evaluators, order, denials, batches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from policy_lang.bundle import Bundle
from policy_lang.compiler import Compiled
from policy_lang.decision import Effect
from policy_lang.facts import Question
from policy_lang.gather import gather
from policy_lang.image import read_image, write_image
from policy_lang.interpreter import Interpreter
from policy_lang.typed import And, Clause, Condition, InList, InNetworks, Not, Or, Program, Rule
from tests.laws.declarations import SCHEMA
from tests.laws.generated_rules import Rules, program_of
from tests.laws.generated_worlds import World

Item = TypeVar("Item")

SEEDS = st.integers(0, 2**32)
COUNTS = st.integers(1, 6)
WORLDS = 5
"""Stores that each bundle is asked about."""


def worlds_of(seed: int) -> Iterator[tuple[World, list[Question]]]:
    """A few stores, and a question of each kind about each."""
    for at in range(WORLDS):
        world = World(seed + at)
        kinds = [(type_, action) for type_, actions in SCHEMA.actions.items() for action in actions]
        yield world, [world.question(type_, action) for type_, action in kinds]


@given(SEEDS, SEEDS, COUNTS)
def test_compiled_rules_decide_as_interpreted_ones(rules: int, worlds: int, count: int) -> None:
    program = program_of(Random(rules), count)
    compiled, interpreter = Compiled(program), Interpreter(program)
    for world, questions in worlds_of(worlds):
        for facts in gather(questions, compiled, world.source):
            assert compiled.decide(facts) == interpreter.decide(facts)


@given(SEEDS, SEEDS, COUNTS)
def test_an_image_decides_as_what_it_was_made_of(rules: int, worlds: int, count: int) -> None:
    program = program_of(Random(rules), count)
    compiled = Compiled(program)
    bundle, loaded, interpreter = read_image(write_image(Bundle(program, "digest", ()), compiled))
    assert bundle.program == program
    for world, questions in worlds_of(worlds):
        facts = gather(questions, compiled, world.source)
        for each, again in zip(facts, gather(questions, loaded, world.source), strict=True):
            assert compiled.decide(each) == loaded.decide(again) == interpreter.decide(again)
            assert compiled.inputs(each) == loaded.inputs(again)


@given(SEEDS, SEEDS, COUNTS)
def test_the_order_of_rules_and_operands_never_matters(rules: int, worlds: int, count: int) -> None:
    program = program_of(Random(rules), count)
    shuffled = Program(SCHEMA, {type_: shuffle(Random(worlds), found) for type_, found in program.rules.items()})
    compiled, other = Compiled(program), Compiled(shuffled)
    interpreter = Interpreter(shuffled)
    for world, questions in worlds_of(worlds):
        facts = gather(questions, compiled, world.source)
        for each, again in zip(facts, gather(questions, other, world.source), strict=True):
            assert compiled.decide(each) == other.decide(again) == interpreter.decide(again)


@given(SEEDS, SEEDS, COUNTS)
def test_adding_a_deny_never_allows(rules: int, worlds: int, count: int) -> None:
    program = program_of(Random(rules), count)
    denied = Program(SCHEMA, {type_: (*found, denial(rules, type_)) for type_, found in program.rules.items()})
    compiled, stricter = Compiled(program), Compiled(denied)
    for world, questions in worlds_of(worlds):
        facts = gather(questions, compiled, world.source)
        for each, again in zip(facts, gather(questions, stricter, world.source), strict=True):
            assert compiled.decide(each) or not stricter.decide(again)


@given(SEEDS, SEEDS)
def test_a_question_is_answered_the_same_alone_and_in_a_batch(rules: int, worlds: int) -> None:
    compiled = Compiled(program_of(Random(rules), 4))
    for world, questions in worlds_of(worlds):
        for together in gather(questions, compiled, world.source):
            alone = gather([together.question], compiled, world.source)[0]
            assert compiled.decide(together) == compiled.decide(alone)
            assert compiled.inputs(together) == compiled.inputs(alone)


def denial(seed: int, type_: str) -> Rule:
    """A live deny rule of any kind."""
    rule = Rules(Random(seed), type_).rule("m.added", sorted(SCHEMA.actions[type_]))
    return replace(rule, effect=Effect.DENY, is_shadow=False)


def shuffle(random: Random, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules in another order, with their clauses and operands in another order."""
    return tuple(replace(rule, clauses=shuffled_clauses(random, rule)) for rule in shuffled(random, rules))


def shuffled_clauses(random: Random, rule: Rule) -> tuple[Clause, ...]:
    clauses = shuffled(random, rule.clauses)
    return tuple(replace(clause, condition=turned(random, clause.condition)) for clause in clauses)


def turned(random: Random, condition: Condition) -> Condition:
    """A condition with its operands in another order."""
    match condition:
        case And() | Or():
            items = tuple(shuffled(random, [turned(random, item) for item in condition.items]))
            return And(items) if isinstance(condition, And) else Or(items)
        case Not():
            return Not(turned(random, condition.item))
        case InList():
            return replace(condition, items=tuple(shuffled(random, condition.items)))
        case InNetworks():
            return replace(condition, networks=tuple(shuffled(random, condition.networks)))
        case _:
            return condition


def shuffled(random: Random, items: Sequence[Item]) -> list[Item]:
    return random.sample(items, len(items))
