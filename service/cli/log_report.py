"""Writes records of decisions for a person, or as JSON."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from policy_lang.decision import (
    ALLOWED,
    DENIED,
    NO_MATCH,
    NO_PRINCIPAL,
    NO_RESOURCE,
    RESOURCE_EXISTS,
    UNDETERMINED,
    Effect,
    Obligation,
)
from policy_lang.excerpt import visible
from policy_lang.notation import format_timestamp
from policy_lang.types import Json
from policy_lang.values import Ref
from service.identity import Evidence, EvidenceKind
from service.model import DecisionRecord, Flip, RecordKind

COLOURS: Final[Mapping[Effect, str]] = {Effect.ALLOW: "green", Effect.DENY: "red"}

MEANINGS: Final[Mapping[str, str]] = {
    ALLOWED: "an allow rule held, and no deny rule did",
    DENIED: "a deny rule held",
    UNDETERMINED: "a rule could not be told for a missing input, so it was not allowed",
    NO_MATCH: "no rule allowed it",
    NO_PRINCIPAL: "the principal was not in the store",
    NO_RESOURCE: "the resource was not in the store",
    RESOURCE_EXISTS: "the resource, said to be new, was in the store already",
}
"""What the language's own codes say (language.md, Decision)."""

_COLUMNS: Final = ("time", "decision", "effect", "code", "principal", "action", "resource", "rules", "caller")
_UNBOUNDED: Final = 10_000
"""The width of a table that goes to no terminal, so that nothing of it is wrapped."""


def _no_lines(_: str) -> tuple[str, ...]:
    return ()


def print_table(records: Sequence[DecisionRecord]) -> None:
    """Prints a line for each record."""
    table = Table(*_COLUMNS, box=None, header_style="bold", pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    for record in records:
        effect = Text(record.effect.value, style=COLOURS[record.effect])
        before = (format_timestamp(record.time), record.id)
        after = (record.code, record.principal, record.action, record.resource, " ".join(record.rules), record.caller)
        table.add_row(*before, effect, *(Text(visible(str(cell))) for cell in after))
    Console(width=None if sys.stdout.isatty() else _UNBOUNDED, highlight=False).print(table)


def record_lines(record: DecisionRecord, rule_lines: Callable[[str], Iterable[str]] = _no_lines) -> Iterator[str]:
    """The record in words: what was decided, who asked what, why it came out so; `rule_lines` say more of a rule."""
    effect = click.style(record.effect.value, fg=COLOURS[record.effect], bold=True)
    yield f"{effect}  {visible(record.code)}"
    yield visible(f"  {format_timestamp(record.time)}: {_question(record)}")
    yield visible(f"  because    {_cause(record)}")
    for rule in record.rules:
        yield visible(f"  rule       {rule}")
        yield from (f"             {line}" for line in rule_lines(rule))
    for gap in record.missing:
        yield visible(f"  missing    {gap.path} ({gap.cause})")
    for obligation in record.obligations:
        yield visible(f"  oblige     {_obligation(obligation)}")
    for path, value in sorted(record.inputs.items()):
        yield visible(f"  input      {path} = {_text(value)}")
    for path, how in record.masked:
        yield visible(f"  masked     {path} ({how.value})")
    if record.hide:
        yield "  hide       answer `not found`"
    if not record.enforced:
        yield click.style("  log-only   not enforced: a plain allow was answered", fg="yellow")
    if record.break_glass:
        said = visible(f"  break-glass  allowed by the emergency grant {record.break_glass} alone")
        yield click.style(said, fg="yellow")
    if record.flip is not None:
        yield visible(f"  candidate  {flip_text(record.flip)} by the policies {record.flip.digest}")
    if record.shadow_effect is not record.effect:
        yield f"  shadow     {record.shadow_effect.value}, had every shadow rule been live"
    yield visible(f"  policies   {record.policy_digest}")
    yield visible(f"  revision   {record.revision}")
    if record.tzdata:
        yield visible(f"  tzdata     {record.tzdata}")
    if record.request_id:
        yield visible(f"  request    {record.request_id}")
    if record.origin.trace_id:
        yield visible(f"  trace      {record.origin.trace_id}")
    if record.origin.peer:
        yield visible(f"  from       {record.origin.peer}")
    yield from _known_by(record)
    yield f"  decision   {record.id}, taken in {record.duration_us} µs"


def records_json(records: Sequence[DecisionRecord]) -> str:
    """The records as one list."""
    return orjson.dumps([record_fields(record) for record in records], option=orjson.OPT_INDENT_2).decode()


def records_jsonl(records: Sequence[DecisionRecord]) -> str:
    """The records, each on a line."""
    return "".join(orjson.dumps(record_fields(record)).decode() + "\n" for record in records)


def _known_by(record: DecisionRecord) -> Iterator[str]:
    """By what caller and principal are known, as far as the record tells."""
    told = {"caller": record.caller_evidence, "principal": record.principal_evidence}
    for who, evidence in told.items():
        if evidence.kind is not EvidenceKind.UNTOLD and (who == "caller" or evidence != record.caller_evidence):
            issuer = f" of {evidence.issuer}" if evidence.issuer else ""
            credential = f", {evidence.credential}" if evidence.credential else ""
            yield visible(f"  {who:<9}  known by {evidence.kind.value}{issuer}{credential}")


def _question(record: DecisionRecord) -> str:
    place = f" of {record.tenant}" if record.tenant else ""
    if record.caller == record.principal:
        return f"{record.caller} asked to {record.action} {record.resource}{place}"
    return f"{record.caller} asked whether {record.principal} may {record.action} {record.resource}{place}"


def _cause(record: DecisionRecord) -> str:
    if record.kind is RecordKind.REFUSAL:
        if record.code == "PRINCIPAL_TOKEN":
            return "the principal_token did not verify, so nothing was decided"
        return f"the caller lacks `{record.code.lower()}`, so nothing was decided"
    return MEANINGS.get(record.code, "of the rule that this code belongs to")


def record_fields(record: DecisionRecord) -> dict[str, Json]:
    """The record as JSON has it, in the words of the contract."""
    return {
        "decision_id": record.id,
        "kind": record.kind.value,
        "time": format_timestamp(record.time),
        "request_id": record.request_id,
        "caller": _ref(record.caller),
        "principal": _ref(record.principal),
        "action": record.action,
        "resource": _ref(record.resource),
        "tenant": None if record.tenant is None else _ref(record.tenant),
        "effect": record.effect.value,
        "code": record.code,
        "rules": list(record.rules),
        "missing": [{"path": gap.path, "cause": gap.cause} for gap in record.missing],
        "obligations": [{"type": duty.type, "parameters": dict(duty.parameters)} for duty in record.obligations],
        "hide": record.hide,
        "shadow_effect": record.shadow_effect.value,
        "inputs": dict(record.inputs),
        "policy_digest": record.policy_digest,
        "revision": record.revision,
        "duration_us": record.duration_us,
        "tzdata": record.tzdata,
        "peer": record.origin.peer,
        "trace_id": record.origin.trace_id,
        "caller_evidence": _evidence(record.caller_evidence),
        "principal_evidence": _evidence(record.principal_evidence),
        "masked": [{"path": path, "how": how.value} for path, how in record.masked],
        "found_by": list(record.found_by),
        "enforced": record.enforced,
        "candidate": None if record.flip is None else flip_fields(record.flip),
        "break_glass": record.break_glass or None,
    }


def flip_text(flip: Flip) -> str:
    """What a candidate decided otherwise, in words."""
    return " ".join((flip.effect.value, flip.code, *(f"({rule})" for rule in flip.rules)))


def flip_fields(flip: Flip) -> dict[str, Json]:
    """The same as JSON has it."""
    return {"policy_digest": flip.digest, "effect": flip.effect.value, "code": flip.code, "rules": list(flip.rules)}


def _evidence(evidence: Evidence) -> dict[str, Json]:
    return {"kind": evidence.kind.value, "issuer": evidence.issuer, "credential": evidence.credential}


def _ref(ref: Ref) -> dict[str, Json]:
    return {"type": ref.type, "id": ref.id}


def _obligation(obligation: Obligation) -> str:
    return f"{obligation.type}({', '.join(f'{name}: {_text(value)}' for name, value in obligation.parameters)})"


def _text(value: Json) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
