"""Writes what tests cover of rules and of the values of their clauses, for a person with the lines, or as JSON."""

from collections.abc import Iterator
from typing import Final

from policy_lang.coverage import ConditionCoverage, Coverage, RuleCoverage, Share
from policy_lang.excerpt import excerpt
from policy_lang.judging.kleene import Truth
from policy_lang.types import Json

_WORDS: Final[dict[Truth, str]] = {True: "true", False: "false", None: "unknown"}


def coverage_lines(coverage: Coverage) -> Iterator[str]:
    """The shares, and each rule and condition that lacks something, with its line."""
    yield f"coverage: rules {_share(coverage.rule_share)}, values of clauses {_share(coverage.value_share)}"
    for rule in coverage.rules:
        if not rule.has_held:
            yield f"\nrule {rule.rule.id} never held"
            yield from excerpt(rule.rule.span)
    for condition in coverage.conditions:
        if condition.missing:
            missing = " nor ".join(map(_WORDS.__getitem__, condition.missing))
            yield f"\n{condition.kind.value} of {condition.rule} was never {missing}"
            yield from excerpt(condition.span)


def coverage_json(coverage: Coverage) -> dict[str, Json]:
    """The same with what was seen, in the order of the files."""
    return {
        "percent": coverage.percent,
        "rules": {**_share_json(coverage.rule_share), "items": [_rule_json(each) for each in coverage.rules]},
        "values": {
            **_share_json(coverage.value_share),
            "items": [_condition_json(each) for each in coverage.conditions],
        },
    }


def _share(share: Share) -> str:
    return f"{share.covered} of {share.total} ({share.percent} %)"


def _share_json(share: Share) -> dict[str, Json]:
    return {"covered": share.covered, "total": share.total, "percent": share.percent}


def _rule_json(each: RuleCoverage) -> Json:
    span = each.rule.span
    return {
        "rule": each.rule.id,
        "path": span.file.path,
        "line": span.file.position(span.start).line,
        "held": each.has_held,
    }


def _condition_json(each: ConditionCoverage) -> Json:
    start = each.span.file.position(each.span.start)
    return {
        "rule": each.rule,
        "kind": each.kind.value,
        "text": " ".join(each.span.text.split()),
        "path": each.span.file.path,
        "line": start.line,
        "column": start.column,
        "seen": [_WORDS[value] for value in each.possible if value in each.seen],
        "missing": [_WORDS[value] for value in each.missing],
    }
