"""Laws of deciding, over generated bundles, stores and questions: two evaluators, order, denials, batches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_lang.bundle import Bundle
from policy_lang.compiler import Compiled
from policy_lang.decision import Effect
from policy_lang.facts import Question
from policy_lang.gather import gather
from policy_lang.image import read_image, write_image
from policy_lang.interpreter import Interpreter
from policy_lang.schema import Schema
from policy_lang.typed import And, Clause, Condition, InList, InNetworks, Not, Or, Program, Rule
from tests.laws.generated_rules import Rules, program_of
from tests.laws.generated_schemas import schema_of
from tests.laws.generated_worlds import World

Item = TypeVar("Item")

SEEDS = st.integers(0, 2**32)
COUNTS = st.integers(1, 6)
WORLDS = 5
"""Stores that each bundle is asked about."""
FEWER = settings(max_examples=settings().max_examples // 3)
"""For the laws that the first one does not leave much to."""


def any_program(seed: int, count: int) -> Program:
    """A bundle over a schema of its own."""
    random = Random(seed)
    return program_of(random, count, schema_of(random))


def worlds_of(seed: int, schema: Schema) -> Iterator[tuple[World, list[Question]]]:
    """A few stores, and a question of each kind about each."""
    for at in range(WORLDS):
        world = World(seed + at, schema)
        kinds = [(type_, action) for type_, actions in schema.actions.items() for action in actions]
        yield world, [world.question(type_, action) for type_, action in kinds]


@pytest.mark.parametrize(("profile", "pairs"), [("quick", 2_000), ("nightly", 100_000)])
def test_a_profile_compares_as_many_answers_as_it_should(profile: str, pairs: int) -> None:
    schemas = [any_program(seed, 1).schema for seed in range(20)]
    fewest = min(sum(len(questions) for _, questions in worlds_of(0, schema)) for schema in schemas)
    assert settings.get_profile(profile).max_examples * fewest >= pairs


@given(SEEDS, SEEDS, COUNTS)
def test_compiled_rules_decide_as_interpreted_ones(rules: int, worlds: int, count: int) -> None:
    program = any_program(rules, count)
    compiled, interpreter = Compiled(program), Interpreter(program)
    for world, questions in worlds_of(worlds, program.schema):
        for facts in gather(questions, compiled, world.source):
            assert compiled.decide(facts) == interpreter.decide(facts)


@FEWER
@given(SEEDS, SEEDS, COUNTS)
def test_an_image_decides_as_what_it_was_made_of(rules: int, worlds: int, count: int) -> None:
    program = any_program(rules, count)
    compiled = Compiled(program)
    bundle, loaded, interpreter = read_image(write_image(Bundle(program, "digest", ()), compiled))
    assert bundle.program == program
    for world, questions in worlds_of(worlds, program.schema):
        facts = gather(questions, compiled, world.source)
        for each, again in zip(facts, gather(questions, loaded, world.source), strict=True):
            assert compiled.decide(each) == loaded.decide(again) == interpreter.decide(again)
            assert compiled.inputs(each) == loaded.inputs(again)


@FEWER
@given(SEEDS, SEEDS, COUNTS)
def test_the_order_of_rules_and_operands_never_matters(rules: int, worlds: int, count: int) -> None:
    program = any_program(rules, count)
    shuffled = Program(
        program.schema, {type_: shuffle(Random(worlds), found) for type_, found in program.rules.items()}
    )
    compiled, other = Compiled(program), Compiled(shuffled)
    interpreter = Interpreter(shuffled)
    for world, questions in worlds_of(worlds, program.schema):
        facts = gather(questions, compiled, world.source)
        for each, again in zip(facts, gather(questions, other, world.source), strict=True):
            assert compiled.decide(each) == other.decide(again) == interpreter.decide(again)


@FEWER
@given(SEEDS, SEEDS, COUNTS)
def test_adding_a_deny_never_allows(rules: int, worlds: int, count: int) -> None:
    program = any_program(rules, count)
    denied = Program(
        program.schema,
        {type_: (*found, denial(rules, type_, program.schema)) for type_, found in program.rules.items()},
    )
    compiled, stricter = Compiled(program), Compiled(denied)
    for world, questions in worlds_of(worlds, program.schema):
        facts = gather(questions, compiled, world.source)
        for each, again in zip(facts, gather(questions, stricter, world.source), strict=True):
            assert compiled.decide(each) or not stricter.decide(again)


@FEWER
@given(SEEDS, SEEDS)
def test_a_question_is_answered_the_same_alone_and_in_a_batch(rules: int, worlds: int) -> None:
    program = any_program(rules, 4)
    compiled = Compiled(program)
    for world, questions in worlds_of(worlds, program.schema):
        for together in gather(questions, compiled, world.source):
            alone = gather([together.question], compiled, world.source)[0]
            assert compiled.decide(together) == compiled.decide(alone)
            assert compiled.inputs(together) == compiled.inputs(alone)


def denial(seed: int, type_: str, schema: Schema) -> Rule:
    """A live deny rule of any kind."""
    rule = Rules(Random(seed), type_, schema).rule("m.added", sorted(schema.actions[type_]))
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
