"""Reports what came of tests: for each failed expectation what was expected, what came, and how that came about."""

from collections.abc import Iterator, Sequence
from typing import Final

import click
from magistrate.v1 import policy_pb2 as pb

from magistrate_client.answers import read_rule
from magistrate_client.decision import Effect
from magistrate_client.explanation import RuleExplanation
from policy_lang.types import Json
from service.cli.answers import to_text
from service.cli.explanations import flip_lines, rule_json, rule_lines
from service.cli.policy_test.coverage_report import coverage_json
from service.doors.grpc.codec import EFFECTS

RULES: Final = 20
"""Rules that are shown of one failure."""
_EFFECTS: Final = {number: effect.value for effect, number in EFFECTS.items()}


def failure_lines(result: pb.TestResult) -> Iterator[str]:
    """The test, the line with its expectation, the rules that explain it, and what would flip the answer."""
    yield f"failed: {result.test}"
    yield from result.excerpt
    rules = tuple(map(read_rule, result.rules))
    shown = telling(frozenset(result.expected_rules), rules)
    for rule in shown[:RULES]:
        yield from rule_lines(rule)
    if len(shown) > RULES:
        yield f"… and {len(shown) - RULES} more rules, which `magistrate policy explain` shows"
    if rules:
        yield from flip_lines(rules)


def show_diagnostics(diagnostics: Sequence[pb.Diagnostic]) -> None:
    """Shows to a person what keeps tests from running."""
    click.echo("\n\n".join(found.rendered for found in diagnostics), err=True)
    click.echo(f"\n`magistrate policy check --explain {diagnostics[0].code}` says more", err=True)


def suite_json(outcome: pb.TestResponse, *, is_ok: bool) -> str:
    """All results for programs; `is_ok` is what the exit code says."""
    report: dict[str, Json] = {
        "ok": is_ok,
        "held": outcome.held,
        "failed": outcome.failed,
        "results": [_result_json(result) for result in outcome.results],
        "diagnostics": [_diagnostic_json(found) for found in outcome.diagnostics],
    }
    if outcome.left_out:
        report["left_out"] = outcome.left_out
    if outcome.HasField("coverage"):
        report["coverage"] = coverage_json(outcome.coverage)
    return to_text(report)


def _result_json(result: pb.TestResult) -> Json:
    return {
        "test": result.test,
        "path": result.path,
        "line": result.line,
        "action": result.action,
        "held": result.held,
        "effect": _EFFECTS[result.effect],
        "code": result.code,
        "lines": list(result.lines),
        "rules": [rule_json(read_rule(rule)) for rule in result.rules],
    }


def _diagnostic_json(found: pb.Diagnostic) -> Json:
    return {
        "code": found.code,
        "severity": "error" if found.severity == pb.SEVERITY_ERROR else "warning",
        "message": found.message,
        "path": found.path,
        "line": found.line,
        "column": found.column,
        "end": {"line": found.end_line, "column": found.end_column},
        "help": found.help,
    }


def telling(expected: frozenset[str], rules: Sequence[RuleExplanation]) -> tuple[RuleExplanation, ...]:
    """The rules that decided and those that were expected to; where there are none, those that could have allowed."""
    found = tuple(rule for rule in rules if rule.is_determining or rule.rule_id in expected)
    return found or tuple(rule for rule in rules if rule.effect is Effect.ALLOW and not rule.is_shadow)
