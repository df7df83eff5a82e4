"""Runs the selected tests of a bundle: their results, what explains the failed ones, what they cover."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from magistrate_client.explanation import RuleExplanation
from policy_lang.bundle import Bundle
from policy_lang.coverage import Coverage, measure
from policy_lang.suite import TestResult, run
from service.cli.offline import Explainer
from service.cli.policy_test.selection import selected


@dataclass(frozen=True)
class Outcome:
    """What came of tests of a bundle. Behind each result stand the rules that explain it; none where it held."""

    bundle: Bundle
    tests: int
    results: tuple[tuple[TestResult, tuple[RuleExplanation, ...]], ...]

    @property
    def failed(self) -> int:
        """How many expectations did not hold."""
        return sum(not result.has_passed for result, _ in self.results)

    @cached_property
    def coverage(self) -> Coverage:
        """What the tests cover, measured when it is asked for."""
        return measure(self.bundle, (result.facts for result, _ in self.results))


def outcome_of(bundle: Bundle, only: Sequence[str]) -> Outcome:
    """What comes of the tests that `only` means, or of all; UsageError where it means none."""
    chosen = selected(bundle, only)
    explainer = Explainer(chosen)
    results = run(chosen.program, explainer.compiled)
    explained = (() if result.has_passed else explainer.explain(result.facts).rules for result in results)
    return Outcome(bundle, chosen.program.test_count, tuple(zip(results, explained, strict=True)))
