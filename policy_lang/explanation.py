"""Explains an answer: every rule in play with its clauses and what they read, and what would flip it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from policy_lang.compiler import Compiled
from policy_lang.counterfactual.search import FoundFlip, find_flips
from policy_lang.facts import Facts
from policy_lang.interpreter import Interpreter, RuleTrace


@dataclass(frozen=True)
class Explanation:
    """Every rule in play by full id, and every single change of a clause that would flip the answer."""

    rules: tuple[RuleTrace, ...]
    flips: tuple[FoundFlip, ...]

    @cached_property
    def by_clause(self) -> Mapping[tuple[str, int], FoundFlip]:
        """(rule, place among its clauses) → the flip; a clause has one at most, as it works one way on the answer."""
        return {(found.flip.rule, found.flip.clause): found for found in self.flips}


def explain(facts: Facts, interpreter: Interpreter, compiled: Compiled) -> Explanation:
    """The explanation; it has no rules where the decision fell before any was asked."""
    rules = interpreter.explain(facts)
    return Explanation(rules, find_flips(facts, rules, compiled.schema, compiled.decide))
