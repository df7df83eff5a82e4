"""Writes what tests cover of rules and of the values of their clauses, for a person with the lines, or as JSON."""

from collections.abc import Iterator, Sequence
from typing import Final

from magistrate.v1 import policy_pb2 as pb
from magistrate.v1.authorization_pb2 import TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNKNOWN, Truth

from policy_lang.types import Json

_WORDS: Final = {TRUTH_TRUE: "true", TRUTH_FALSE: "false", TRUTH_UNKNOWN: "unknown"}


def coverage_lines(coverage: pb.TestCoverage) -> Iterator[str]:
    """The shares, and each rule and condition that lacks something, with its line."""
    yield f"coverage: rules {_share(coverage.rule_share)}, values of clauses {_share(coverage.value_share)}"
    for rule in coverage.rules:
        if not rule.held:
            yield f"\nrule {rule.rule_id} never held"
            yield from rule.excerpt
    for condition in coverage.conditions:
        if condition.missing:
            yield f"\n{condition.kind} of {condition.rule_id} was never {' nor '.join(_words(condition.missing))}"
            yield from condition.excerpt


def coverage_json(coverage: pb.TestCoverage) -> dict[str, Json]:
    """The same with what was seen, in the order of the files."""
    return {
        "percent": coverage.percent,
        "rules": {**_share_json(coverage.rule_share), "items": [_rule_json(each) for each in coverage.rules]},
        "values": {
            **_share_json(coverage.value_share),
            "items": [_condition_json(each) for each in coverage.conditions],
        },
    }


def _share(share: pb.Share) -> str:
    return f"{share.covered} of {share.total} ({share.percent} %)"


def _share_json(share: pb.Share) -> dict[str, Json]:
    return {"covered": share.covered, "total": share.total, "percent": share.percent}


def _rule_json(each: pb.RuleCoverage) -> Json:
    return {"rule": each.rule_id, "path": each.path, "line": each.line, "held": each.held}


def _condition_json(each: pb.ConditionCoverage) -> Json:
    return {
        "rule": each.rule_id,
        "kind": each.kind,
        "text": each.text,
        "path": each.path,
        "line": each.line,
        "column": each.column,
        "seen": [*_words(each.seen)],
        "missing": [*_words(each.missing)],
    }


def _words(values: Sequence["Truth.ValueType"]) -> list[str]:
    return [_WORDS[value] for value in values]
