"""Reads what the log keeps as questions that can be decided again."""

from collections.abc import Iterator

from policy_lang.reviewing.recorded import Recorded
from service.decisions.log import PAGE_LIMIT, DecisionLog
from service.decisions.log_filter import LogFilter
from service.model import DecisionRecord, RecordKind
from service.permits import PREFIX

PAGE = min(1000, PAGE_LIMIT)
"""Records that are in memory at a time."""


def undecided(kind: RecordKind, action: str) -> str | None:
    """What a record is instead, if it is not the decision of a question by policies."""
    if kind is RecordKind.REFUSAL:
        return "a refusal, on which no rule was asked"
    return "an act on the service itself" if action.startswith(PREFIX) else None


def recorded_of(record: DecisionRecord) -> Recorded | str:
    """The record as a question with its answer, or what it is instead."""
    return undecided(record.kind, record.action) or Recorded(
        id=record.id,
        principal=record.principal,
        action=record.action,
        resource=record.resource,
        now=record.time,
        effect=record.effect.value,
        code=record.code,
        inputs=record.inputs,
        policy_digest=record.policy_digest,
        rules=record.rules,
        obligations=record.obligations,
        hide=record.hide,
        masked=frozenset(each.path for each in record.masked),
        tzdata=record.tzdata,
    )


def recorded(log: DecisionLog, wanted: LogFilter, most: int) -> Iterator[Recorded | str]:
    """Up to `most` records that fit, the newest first, a page in memory at a time."""
    after: str | None = None
    while most > 0:
        page = log.query(wanted, min(PAGE, most), after)
        yield from map(recorded_of, page.records)
        most -= len(page.records)
        after = page.next_after
        if after is None:
            return
