"""The examples load, their own tests pass by both evaluators, and leave no rule of theirs untried."""

from functools import cache
from pathlib import Path

import pytest

from policy_lang.bundle import Bundle
from policy_lang.loading import load_folder
from policy_lang.suite import run

EXAMPLES = Path(__file__).parents[2] / "examples"
UNTRIED = {"documents": {"docs.health"}, "authzen-todo": {"todos.read_users"}}
"""Rules that decide in none of the tests: about what a test has no use for."""


@cache
def bundle_of(example: str) -> Bundle:
    return load_folder(EXAMPLES / example / "policies")


ALL = sorted(folder.parent.name for folder in EXAMPLES.glob("*/policies"))


def test_there_are_examples() -> None:
    assert ALL == ["authzen-todo", "documents", "healthcare", "mapped", "repositories", "saas"]


@pytest.mark.parametrize("example", ALL)
def test_the_tests_of_an_example_pass(example: str) -> None:
    results = run(bundle_of(example).program)
    assert len(results) > 10
    assert [(result.title, result.lines) for result in results if not result.has_passed] == []


@pytest.mark.parametrize("example", ALL)
def test_every_rule_of_an_example_is_decisive_in_a_test(example: str) -> None:
    program = bundle_of(example).program
    live = {rule.id for rules in program.rules.values() for rule in rules if not rule.is_shadow}
    decisive = {reason.rule_id for result in run(program) for reason in result.decision.reasons}
    assert live - decisive == UNTRIED.get(example, set())
