"""Writes decisions for a person, or as JSON."""

from collections.abc import Iterator, Mapping

import click
import orjson

from magistrate_client.decision import Decision, Obligation, Unenforced
from magistrate_client.values import EntityRef, Value
from policy_lang.excerpt import visible
from policy_lang.types import Json

_COLOUR = {True: "green", False: "red"}


def decision_lines(decision: Decision) -> Iterator[str]:
    """The decision as a person reads it: what, why, and where it is recorded, if it is."""
    effect = click.style(decision.effect.value, fg=_COLOUR[bool(decision.effect)], bold=True)
    yield f"{effect}  {decision.code}"
    if decision.log_only is None:
        yield from _grounds(decision)
    else:
        would_be = f"{decision.log_only.effect.value} {decision.log_only.code}"
        yield click.style(f"  log-only  nothing is enforced; it would have been {would_be}", fg="yellow", bold=True)
        yield from _grounds(decision.log_only)
    if decision.break_glass:
        yield click.style(f"  break-glass  allowed by the emergency grant {decision.break_glass} alone", fg="yellow")
    if decision.decision_id:
        yield f"  decision  {decision.decision_id}"


def decision_json(decision: Decision) -> dict[str, Json]:
    """The decision's fields by their names in the contract."""
    return {
        **_decided_json(decision),
        "decision_id": decision.decision_id,
        "policy_digest": decision.policy_digest,
        "revision": decision.revision,
        "decided_at": decision.decided_at.isoformat(),
        "request_id": decision.request_id,
        "break_glass": decision.break_glass,
        "log_only": None if decision.log_only is None else _decided_json(decision.log_only),
    }


def to_text(fields: dict[str, Json]) -> str:
    """The fields as indented JSON."""
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2).decode()


def _grounds(decided: Decision | Unenforced) -> Iterator[str]:
    """Why it was decided so, and what it asks of the caller."""
    for reason in decided.reasons:
        yield visible(f"  because   {reason.rule_id}: {reason.text or 'no words given'} ({reason.location})")
    for missing in decided.missing:
        yield visible(f"  missing   {missing.path} ({missing.cause})")
    for obligation in decided.obligations:
        yield visible(f"  oblige    {_obligation(obligation)}")
    if decided.hide:
        yield "  hide      answer `not found`"


def _decided_json(decided: Decision | Unenforced) -> dict[str, Json]:
    return {
        "effect": decided.effect.value,
        "code": decided.code,
        "reasons": [
            {"rule_id": each.rule_id, "location": each.location, "text": each.text, "code": each.code}
            for each in decided.reasons
        ],
        "missing": [{"path": each.path, "cause": each.cause} for each in decided.missing],
        "obligations": [
            {"type": each.type, "parameters": {name: given_form(value) for name, value in each.parameters.items()}}
            for each in decided.obligations
        ],
        "hide": decided.hide,
    }


def _obligation(obligation: Obligation) -> str:
    parameters = ", ".join(f"{name}: {value_text(value)}" for name, value in obligation.parameters.items())
    return f"{obligation.type}({parameters})"


def value_text(value: Value | None) -> str:
    """The value on one line: a reference as `Type:id`, all else as JSON."""
    return str(value) if isinstance(value, EntityRef) else visible(orjson.dumps(given_form(value)).decode())


def given_form(value: Value | None) -> Json:
    """The value as policies and imports write it."""
    match value:
        case EntityRef(type=type_, id=id_):
            return {"type": type_, "id": id_}
        case frozenset():
            return sorted((given_form(element) for element in value), key=str)
        case Mapping():
            return {name: given_form(field) for name, field in value.items()}
        case _:
            return value
