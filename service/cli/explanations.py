"""Writes how an answer came about, for a person or as JSON: rules, clauses, what they read, what would flip it."""

from collections.abc import Iterator, Sequence

import click

from magistrate_client.explanation import (
    ClauseExplanation,
    Explanation,
    FactChange,
    InputRead,
    RowChange,
    RuleExplanation,
)
from policy_lang.excerpt import visible
from policy_lang.types import Json
from service.cli.answers import decision_json, decision_lines, given_form, value_text

_INDENT = " " * 10


def explanation_lines(explanation: Explanation) -> Iterator[str]:
    """The decision, then every rule in play with its clauses and what they read, then what would flip the decision."""
    yield from decision_lines(explanation.decision)
    for rule in explanation.rules:
        yield ""
        yield from rule_lines(rule)
    yield ""
    yield from flip_lines(explanation.rules)


def rule_lines(rule: RuleExplanation) -> Iterator[str]:
    """The rule and what it came to, each clause and what it read, and what was not known."""
    shadow = "shadow " if rule.is_shadow else ""
    mark = click.style(" determining", bold=True) if rule.is_determining else ""
    yield f"{shadow}{rule.effect.value} {rule.rule_id} ({rule.location}): {rule.truth.value}{mark}"
    for clause in rule.clauses:
        yield f"  {clause.truth.value:8}{_clause_text(clause)}"
        yield from (f"{_INDENT}{_input_text(read)}" for read in clause.inputs)
        yield from (f"{_INDENT}{row}" for row in clause.rows)
        known = {(read.path, read.cause) for read in clause.inputs}
        unread = (each for each in clause.missing if (each.path, each.cause) not in known)
        yield from (f"{_INDENT}missing {each.path} ({each.cause})" for each in unread)


def flip_lines(rules: Sequence[RuleExplanation]) -> Iterator[str]:
    """Every clause that alone would flip the answer, and the changes that would do it; or that there is none."""
    flips = [(rule, clause, clause.flips_when) for rule in rules for clause in rule.clauses]
    if all(truth is None for _, _, truth in flips):
        yield "no single clause would flip this answer"
        return
    yield "what would flip this answer, each alone:"
    for rule, clause, truth in flips:
        if truth is None:
            continue
        yield f"  {rule.rule_id}, were this {truth.value}: {_clause_text(clause)}"
        yield from (f"{_INDENT}such as {_change_text(change)}" for change in clause.changes)


def explanation_json(explanation: Explanation) -> dict[str, Json]:
    """The decision under `response`, the rules beside it."""
    return {
        "response": decision_json(explanation.decision),
        "rules": [rule_json(rule) for rule in explanation.rules],
    }


def rule_json(rule: RuleExplanation) -> Json:
    """The rule's fields by their names in the contract."""
    return {
        "rule_id": rule.rule_id,
        "location": rule.location,
        "effect": rule.effect.value,
        "shadow": rule.is_shadow,
        "truth": rule.truth.value,
        "determining": rule.is_determining,
        "clauses": [_clause_json(clause) for clause in rule.clauses],
    }


def _clause_json(clause: ClauseExplanation) -> Json:
    return {
        "kind": clause.kind,
        "text": clause.text,
        "truth": clause.truth.value,
        "inputs": [_input_json(read) for read in clause.inputs],
        "rows": list(clause.rows),
        "missing": [{"path": each.path, "cause": each.cause} for each in clause.missing],
        "flips_when": None if clause.flips_when is None else clause.flips_when.value,
        "changes": [_change_json(change) for change in clause.changes],
    }


def _input_json(read: InputRead) -> dict[str, Json]:
    return {"path": read.path, "value": given_form(read.value), "cause": read.cause}


def _change_json(change: FactChange) -> Json:
    if isinstance(change, RowChange):
        return {"added_row" if change.is_added else "removed_row": change.row}
    return {"input": _input_json(change)}


def _change_text(change: FactChange) -> str:
    if isinstance(change, RowChange):
        return change.row if change.is_added else f"no longer: {change.row}"
    return _input_text(change) if change.value is not None else f"{change.path} not set"


def _clause_text(clause: ClauseExplanation) -> str:
    text = visible(" ".join(clause.text.split()))
    return text if text.startswith(clause.kind) else f"{clause.kind} {text}"


def _input_text(read: InputRead) -> str:
    return f"{read.path} = {value_text(read.value) if read.value is not None else f'unknown ({read.cause})'}"
