"""The law of the two evaluators: the compiled form and the naive reading never differ."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from policy_lang.compiler import Compiled
from policy_lang.gather import gather
from policy_lang.interpreter import Interpreter
from tests.laws.declarations import SCHEMA
from tests.laws.generated_rules import program_of
from tests.laws.generated_worlds import World

SEEDS = st.integers(0, 2**32)


@given(SEEDS, SEEDS, st.integers(1, 6))
def test_compiled_rules_decide_as_interpreted_ones(rules: int, worlds: int, count: int) -> None:
    program = program_of(Random(rules), count)
    compiled, interpreter = Compiled(program), Interpreter(program)
    for seed in range(5):
        world = World(worlds + seed)
        questions = [world.question(type_, action) for type_, actions in SCHEMA.actions.items() for action in actions]
        for facts in gather(questions, compiled, world.source):
            assert compiled.decide(facts) == interpreter.decide(facts)
