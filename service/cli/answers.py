"""Writes decisions and explanations for a person, or as JSON."""

from collections.abc import Iterator

import click
import orjson

from magistrate_client.decision import Decision, Obligation
from magistrate_client.explanation import ClauseExplanation, Explanation, InputRead, RuleExplanation
from magistrate_client.values import EntityRef, Value
from policy_lang.types import Json

_COLOUR = {True: "green", False: "red"}


def decision_lines(decision: Decision) -> Iterator[str]:
    """The decision as a person reads it: what, why, and where it is recorded."""
    effect = click.style(decision.effect.value, fg=_COLOUR[bool(decision.effect)], bold=True)
    yield f"{effect}  {decision.code}"
    for reason in decision.reasons:
        yield f"  because   {reason.rule_id}: {reason.text or 'no words given'} ({reason.location})"
    for missing in decision.missing:
        yield f"  missing   {missing.path} ({missing.cause})"
    for obligation in decision.obligations:
        yield f"  oblige    {_obligation(obligation)}"
    if decision.hide:
        yield "  hide      answer `not found`"
    yield f"  decision  {decision.decision_id}"


def explanation_lines(explanation: Explanation) -> Iterator[str]:
    """The decision, then every rule in play with its clauses and what they read."""
    yield from decision_lines(explanation.decision)
    for rule in explanation.rules:
        yield ""
        yield from _rule_lines(rule)


def decision_json(decision: Decision) -> dict[str, Json]:
    """The decision's fields by their names in the contract."""
    return {
        "effect": decision.effect.value,
        "code": decision.code,
        "reasons": [
            {"rule_id": each.rule_id, "location": each.location, "text": each.text, "code": each.code}
            for each in decision.reasons
        ],
        "missing": [{"path": each.path, "cause": each.cause} for each in decision.missing],
        "obligations": [
            {"type": each.type, "parameters": {name: given_form(value) for name, value in each.parameters.items()}}
            for each in decision.obligations
        ],
        "hide": decision.hide,
        "decision_id": decision.decision_id,
        "policy_digest": decision.policy_digest,
        "revision": decision.revision,
        "decided_at": decision.decided_at.isoformat(),
        "request_id": decision.request_id,
    }


def explanation_json(explanation: Explanation) -> dict[str, Json]:
    """The decision under `response`, the rules beside it."""
    return {
        "response": decision_json(explanation.decision),
        "rules": [_rule_json(rule) for rule in explanation.rules],
    }


def to_text(fields: dict[str, Json]) -> str:
    """The fields as indented JSON."""
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2).decode()


def _rule_lines(rule: RuleExplanation) -> Iterator[str]:
    shadow = "shadow " if rule.is_shadow else ""
    mark = click.style(" determining", bold=True) if rule.is_determining else ""
    yield f"{shadow}{rule.effect.value} {rule.rule_id} ({rule.location}): {rule.truth.value}{mark}"
    for clause in rule.clauses:
        yield f"  {clause.truth.value:8}{_clause_text(clause)}"
        for read in clause.inputs:
            yield f"          {read.path} = {_input(read)}"


def _clause_text(clause: ClauseExplanation) -> str:
    text = " ".join(clause.text.split())
    return text if text.startswith(clause.kind) else f"{clause.kind} {text}"


def _input(read: InputRead) -> str:
    return _text(read.value) if read.value is not None else f"unknown ({read.cause})"


def _obligation(obligation: Obligation) -> str:
    parameters = ", ".join(f"{name}: {_text(value)}" for name, value in obligation.parameters.items())
    return f"{obligation.type}({parameters})"


def _text(value: Value | None) -> str:
    return str(value) if isinstance(value, EntityRef) else orjson.dumps(given_form(value)).decode()


def _rule_json(rule: RuleExplanation) -> Json:
    return {
        "rule_id": rule.rule_id,
        "location": rule.location,
        "effect": rule.effect.value,
        "shadow": rule.is_shadow,
        "truth": rule.truth.value,
        "determining": rule.is_determining,
        "clauses": [
            {
                "kind": clause.kind,
                "text": clause.text,
                "truth": clause.truth.value,
                "inputs": [
                    {"path": read.path, "value": given_form(read.value), "cause": read.cause} for read in clause.inputs
                ],
            }
            for clause in rule.clauses
        ],
    }


def given_form(value: Value | None) -> Json:
    """The value as policies and imports write it."""
    match value:
        case EntityRef(type=type_, id=id_):
            return {"type": type_, "id": id_}
        case frozenset():
            return sorted((given_form(element) for element in value), key=str)
        case _:
            return value
