"""Laws of replaying: by the policies that made it a record gives what it says, by others what they would have said."""

import json
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from policy_lang.bundle import Bundle
from policy_lang.compiler import Compiled
from policy_lang.decision import Decision
from policy_lang.facts import Facts
from policy_lang.gather import gather
from policy_lang.reviewing.goals import What, answer_of
from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.redeciding import Redecider
from policy_lang.reviewing.replayed import LeftOut
from policy_lang.sensitivity import is_sensitive
from policy_lang.typed import Program
from tests.laws.generated_rules import program_of
from tests.laws.test_evaluators import COUNTS, FEWER, SEEDS, any_program, worlds_of


def recorded(program: Program, compiled: Compiled, facts: Facts) -> tuple[Recorded, Decision]:
    """A decision as its record reads, after it was JSON, and the decision itself."""
    question, decision = facts.question, compiled.decide(facts)
    made = Recorded(
        id="0",
        principal=question.principal,
        action=question.action,
        resource=question.resource,
        now=question.now,
        effect=decision.effect.value,
        code=decision.code,
        inputs=json.loads(json.dumps(compiled.inputs(facts))),
        policy_digest="then",
        rules=tuple(reason.rule_id for reason in decision.reasons),
        obligations=decision.obligations,
        hide=decision.hide,
    )
    return made, decision


def reads_sensitive(program: Program, compiled: Compiled, made: Recorded) -> bool:
    """Whether something that rules read of such a question is kept out of its record."""
    principal, resource, action = made.key
    plan = compiled.plan(principal, resource, action)
    assert plan is not None
    return any(is_sensitive(path, program.schema, principal, resource) for path in plan.reads.paths)


@given(SEEDS, SEEDS, COUNTS)
def test_by_the_policies_that_made_it_a_record_gives_what_it_says(rules: int, worlds: int, count: int) -> None:
    program = any_program(rules, count)
    compiled = Compiled(program)
    again = Redecider(Bundle(program, "then", ()), lambda _: None)
    for world, questions in worlds_of(worlds, program.schema):
        for facts in gather(questions, compiled, world.source):
            made, _ = recorded(program, compiled, facts)
            try:
                assert again.outcome(made) == (None, ())
            except LeftOut as why:
                assert str(why).startswith("masked: ")
                assert reads_sensitive(program, compiled, made)


@FEWER
@given(SEEDS, SEEDS, SEEDS, COUNTS, st.booleans())
def test_by_other_policies_a_record_gives_what_they_would_have_said(
    rules: int, others: int, worlds: int, count: int, is_known: bool
) -> None:
    program = any_program(rules, count)
    other = program_of(Random(others), count, program.schema)
    compiled, now = Compiled(program), Compiled(other)
    former = Bundle(program, "then", ())
    again = Redecider(Bundle(other, "now", ()), lambda digest: former if is_known and digest == "then" else None)
    for world, questions in worlds_of(worlds, program.schema):
        for facts, anew in zip(
            gather(questions, compiled, world.source), gather(questions, now, world.source), strict=True
        ):
            made, then = recorded(program, compiled, facts)
            would = now.decide(anew)
            try:
                what, _ = again.outcome(made)
            except LeftOut:
                continue
            if then.effect is not would.effect:
                assert what is (What.NOW_ALLOWED if would else What.NOW_DENIED)
            else:
                assert what is None or (what is What.ANSWER and answer_of(then) != answer_of(would))
