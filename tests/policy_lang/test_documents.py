"""The example of documents loads, and its own tests pass by both evaluators."""

from pathlib import Path

from policy_lang.bundle import load_folder
from policy_lang.suite import run

POLICIES = Path(__file__).parents[2] / "examples" / "documents" / "policies"


def test_the_tests_of_the_example_pass() -> None:
    results = run(load_folder(POLICIES).program)
    assert len(results) > 20
    assert [(result.case.name, result.lines) for result in results if not result.has_passed] == []


def test_every_rule_of_the_example_is_decisive_in_a_test() -> None:
    program = load_folder(POLICIES).program
    live = {rule.id for rules in program.rules.values() for rule in rules if not rule.is_shadow}
    decisive = {reason.rule_id for result in run(program) for reason in result.decision.reasons}
    assert live - decisive == {"docs.health"}
