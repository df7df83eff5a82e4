"""Writes the difference between two bundles, for people and as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from policy_lang.counts import counted
from policy_lang.decision import Decision
from policy_lang.reviewing.changes import Change
from policy_lang.reviewing.goals import What
from policy_lang.reviewing.pasting import written_test
from policy_lang.reviewing.replayed import Replayed
from policy_lang.reviewing.witness import Outcome, Witness
from policy_lang.schema import Schema
from policy_lang.types import Json
from service.cli.replay_report import replayed_json, replayed_lines


@dataclass(frozen=True, slots=True)
class Difference:
    """What was found; `replayed` is None where no log was given. Tests are written by the newer schema."""

    changes: Sequence[Change]
    outcomes: Sequence[Outcome]
    replayed: Replayed | None
    schema: Schema

    @property
    def is_any(self) -> bool:
        """Whether something changes."""
        return bool(self.changes)


def diff_lines(found: Difference) -> Iterator[str]:
    """The difference as a person reads it."""
    if not found.changes:
        yield "nothing changes"
    for change in found.changes:
        yield f"{change.how.value} {change.item}"
        yield from (f"  {line}".rstrip() for line in change.diff)
        yield ""
    yield from _searched_lines(found)
    if found.replayed is not None:
        yield from replayed_lines(found.replayed)


def diff_json(found: Difference) -> str:
    """The difference for programs."""
    report: dict[str, Json] = {
        "changes": [_change_json(change) for change in found.changes],
        "searched": [_outcome_json(outcome, found.schema) for outcome in found.outcomes],
        "recorded": None if found.replayed is None else replayed_json(found.replayed),
    }
    return orjson.dumps(report, option=orjson.OPT_INDENT_2).decode()


# What was searched -------------------------------------------------------------------------------------------------


def _searched_lines(found: Difference) -> Iterator[str]:
    if not found.outcomes:
        return
    groups = _grouped(found.outcomes)
    stopped = [outcome for outcome in found.outcomes if not outcome.is_exhaustive]
    yield f"decisions: {counted(len(found.outcomes), 'kind')} of question decided by other rules"
    for (what, rules), witnesses in groups.items():
        yield f"  {what.value}, by {rules}: {'; '.join(_questions(witnesses))}"
    if not groups:
        yield "  no request was found that is decided differently"
    for outcome in stopped:
        where = f"{_question(outcome.key)}, after {outcome.steps:,} steps"
        yield f"  not searched to the end, see `--limit`: {where}"
    if not stopped:
        yield "  searched to the end: every combination of the values worth trying"
    for witnesses in groups.values():
        yield ""
        yield written_test(witnesses[0], found.schema)
    yield ""


def _grouped(outcomes: Sequence[Outcome]) -> dict[tuple[What, str], list[Witness]]:
    """The witnesses by what differs and the rules that it comes from."""
    groups: dict[tuple[What, str], list[Witness]] = {}
    for outcome in outcomes:
        for witness in outcome.witnesses:
            rules = ", ".join(outcome.differing) or "what is declared"
            groups.setdefault((witness.what, rules), []).append(witness)
    return groups


def _questions(witnesses: Sequence[Witness]) -> list[str]:
    """`User may read, edit Document`, one for each pair of types."""
    actions: dict[tuple[str, str], list[str]] = {}
    for witness in witnesses:
        world = witness.world
        actions.setdefault((world.principal.type, world.resource.type), []).append(world.action)
    return [f"{principal} {', '.join(named)} {resource}" for (principal, resource), named in actions.items()]


def _question(key: tuple[str, str, str]) -> str:
    principal, resource, action = key
    return f"{principal} {action} {resource}"


def _change_json(change: Change) -> dict[str, Json]:
    return {
        "kind": change.item.kind.value,
        "name": change.item.name,
        "change": change.how.value,
        "before": list(change.before),
        "after": list(change.after),
    }


def _outcome_json(outcome: Outcome, schema: Schema) -> dict[str, Json]:
    principal, resource, action = outcome.key
    return {
        "principal": principal,
        "action": action,
        "resource": resource,
        "rules": list(outcome.differing),
        "steps": outcome.steps,
        "exhaustive": outcome.is_exhaustive,
        "witnesses": [_witness_json(witness, schema) for witness in outcome.witnesses],
    }


def _witness_json(witness: Witness, schema: Schema) -> dict[str, Json]:
    return {
        "what": witness.what.value,
        "old": _decision_json(witness.old),
        "new": _decision_json(witness.new),
        "test": written_test(witness, schema),
    }


def _decision_json(decision: Decision) -> dict[str, Json]:
    return {
        "effect": decision.effect.value,
        "code": decision.code,
        "rules": [reason.rule_id for reason in decision.reasons],
        "obligations": [duty.type for duty in decision.obligations],
        "hide": decision.hide,
        "shadow_effect": decision.shadow_effect.value,
    }
