"""Writes the difference between two bundles, for people and as JSON."""

from collections.abc import Iterator, Sequence

import orjson

from policy_lang.compiler import Key
from policy_lang.counts import counted
from policy_lang.reviewing.changes import Change
from policy_lang.reviewing.difference import ComparedDecision, Difference, DifferingRequest, SearchedQuestion
from policy_lang.reviewing.goals import What
from policy_lang.reviewing.replayed import Replayed
from policy_lang.types import Json
from service.cli.replay_report import replayed_json, replayed_lines


def diff_lines(found: Difference, replayed: Replayed | None = None) -> Iterator[str]:
    """The difference as a person reads it, and what became of recorded decisions where some were decided again."""
    if not found.changes:
        yield "nothing changes"
    for change in found.changes:
        yield f"{change.how.value} {change.item}{_place(change)}"
        yield from (f"  {line}".rstrip() for line in change.diff)
        yield ""
    yield from _searched_lines(found.searched)
    if replayed is not None:
        yield from replayed_lines(replayed)


def diff_json(found: Difference, replayed: Replayed | None = None) -> str:
    """The same for programs."""
    report: dict[str, Json] = {
        "changes": [_change_json(change) for change in found.changes],
        "searched": [_searched_json(searched) for searched in found.searched],
        "recorded": None if replayed is None else replayed_json(replayed),
    }
    return orjson.dumps(report, option=orjson.OPT_INDENT_2).decode()


def _place(change: Change) -> str:
    """Where a rule stands, and where it stood if that was elsewhere."""
    places = {change.old_location: None, change.new_location: None}
    known = [place for place in places if place]
    return f" ({' → '.join(known)})" if known else ""


# What was searched -------------------------------------------------------------------------------------------------


def _searched_lines(searched: Sequence[SearchedQuestion]) -> Iterator[str]:
    if not searched:
        return
    groups = _grouped(searched)
    stopped = [each for each in searched if not each.is_exhaustive]
    yield f"decisions: {counted(len(searched), 'kind')} of question decided by other rules"
    for (what, rules), requests in groups.items():
        yield f"  {what.value}, by {rules}: {'; '.join(_questions([key for key, _ in requests]))}"
    if not groups:
        yield "  no request was found that is decided differently"
    for each in stopped:
        where = f"{_question(each.key)}, after {each.steps:,} steps"
        yield f"  not searched to the end, see `--limit`: {where}"
    if not stopped:
        yield "  searched to the end: every combination of the values worth trying"
    for requests in groups.values():
        yield ""
        yield requests[0][1].test
    yield ""


def _grouped(searched: Sequence[SearchedQuestion]) -> dict[tuple[What, str], list[tuple[Key, DifferingRequest]]]:
    """The requests that are decided differently, by what differs and the rules that it comes from."""
    groups: dict[tuple[What, str], list[tuple[Key, DifferingRequest]]] = {}
    for each in searched:
        for request in each.witnesses:
            rules = ", ".join(each.rules) or "what is declared"
            groups.setdefault((request.what, rules), []).append((each.key, request))
    return groups


def _questions(keys: Sequence[Key]) -> list[str]:
    """`User may read, edit Document`, one for each pair of types."""
    actions: dict[tuple[str, str], list[str]] = {}
    for principal, resource, action in keys:
        actions.setdefault((principal, resource), []).append(action)
    return [f"{principal} {', '.join(named)} {resource}" for (principal, resource), named in actions.items()]


def _question(key: Key) -> str:
    principal, resource, action = key
    return f"{principal} {action} {resource}"


def _change_json(change: Change) -> dict[str, Json]:
    return {
        "kind": change.item.kind.value,
        "name": change.item.name,
        "change": change.how.value,
        "before": list(change.before),
        "after": list(change.after),
        "old_location": change.old_location or None,
        "new_location": change.new_location or None,
    }


def _searched_json(searched: SearchedQuestion) -> dict[str, Json]:
    principal, resource, action = searched.key
    return {
        "principal": principal,
        "action": action,
        "resource": resource,
        "rules": list(searched.rules),
        "steps": searched.steps,
        "exhaustive": searched.is_exhaustive,
        "witnesses": [_request_json(request) for request in searched.witnesses],
    }


def _request_json(request: DifferingRequest) -> dict[str, Json]:
    return {
        "what": request.what.value,
        "old": _decision_json(request.old),
        "new": _decision_json(request.new),
        "test": request.test,
    }


def _decision_json(decision: ComparedDecision) -> dict[str, Json]:
    return {
        "effect": decision.effect.value,
        "code": decision.code,
        "rules": list(decision.rules),
        "obligations": list(decision.obligations),
        "hide": decision.hide,
        "shadow_effect": decision.shadow_effect.value,
    }
