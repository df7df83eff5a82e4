"""Reports what came of tests: for each failed expectation what was expected, what came, and how that came about."""

from collections.abc import Iterator, Sequence
from typing import Final

from magistrate_client.decision import Effect
from magistrate_client.explanation import RuleExplanation
from policy_lang.diagnostics import Diagnostic
from policy_lang.excerpt import excerpt
from policy_lang.suite import TestResult
from policy_lang.types import Json
from service.cli.answers import to_text
from service.cli.explanations import flip_lines, rule_json, rule_lines
from service.cli.policy_report import diagnostic_json
from service.cli.policy_test.coverage_report import coverage_json
from service.cli.policy_test.outcome import Outcome

RULES: Final = 20
"""Rules that are shown of one failure."""


def failure_lines(result: TestResult, rules: Sequence[RuleExplanation]) -> Iterator[str]:
    """The test, the line with its expectation, the rules that explain it, and what would flip the answer."""
    yield f"failed: {result.title}"
    yield from excerpt(result.expectation.span, result.lines)
    shown = telling(result, rules)
    for rule in shown[:RULES]:
        yield from rule_lines(rule)
    if len(shown) > RULES:
        yield f"… and {len(shown) - RULES} more rules, which `magistrate policy explain` shows"
    if rules:
        yield from flip_lines(rules)


def suite_json(outcome: Outcome | None, diagnostics: Sequence[Diagnostic], *, is_ok: bool, has_measured: bool) -> str:
    """All results for programs; `outcome` is None where the policies do not load, `is_ok` what the exit code says."""
    results = () if outcome is None else outcome.results
    failed = 0 if outcome is None else outcome.failed
    report: dict[str, Json] = {
        "ok": is_ok,
        "held": len(results) - failed,
        "failed": failed,
        "results": [_result_json(result, rules) for result, rules in results],
        "diagnostics": [diagnostic_json(found) for found in diagnostics],
    }
    if outcome is not None and has_measured:
        report["coverage"] = coverage_json(outcome.coverage)
    return to_text(report)


def _result_json(result: TestResult, rules: Sequence[RuleExplanation]) -> Json:
    span = result.expectation.span
    return {
        "test": result.title,
        "path": span.file.path,
        "line": span.file.position(span.start).line,
        "action": result.expectation.action,
        "held": result.has_passed,
        "effect": result.decision.effect.value,
        "code": result.decision.code,
        "lines": list(result.lines),
        "rules": [rule_json(rule) for rule in rules],
    }


def telling(result: TestResult, rules: Sequence[RuleExplanation]) -> tuple[RuleExplanation, ...]:
    """The rules that decided and those that were expected to; where there are none, those that could have allowed."""
    expected = result.expectation.by or frozenset()
    found = tuple(rule for rule in rules if rule.is_determining or rule.rule_id in expected)
    return found or tuple(rule for rule in rules if rule.effect is Effect.ALLOW and not rule.is_shadow)
