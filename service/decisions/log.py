"""Finds decisions in the log, the newest first.

Pages are told apart by id: the next one begins before the last id of this one, however much was added meanwhile.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, select

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.log_tables import decision, decision_rule, spool_position
from service.decisions.payload import decode_record
from service.decisions.rows import indexed
from service.decisions.segments import segments, valid_end
from service.model import DecisionRecord

PAGE_LIMIT: Final = 10_000
"""Records in one page."""

SpoolMark = Mapping[str, int]
"""How far each segment of a spool was written when it was looked at, of those that were not yet shipped so far."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What to find; None is anything. `since` is included, `until` is not; both in milliseconds since 1970 UTC."""

    since: int | None = None
    until: int | None = None
    principal: Ref | None = None
    caller: Ref | None = None
    action: str | None = None
    resource: Ref | None = None
    tenant: Ref | None = None
    effect: Effect | None = None
    code: str | None = None
    rule: str | None = None
    request_id: str | None = None
    policy_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Records, the newest first, and the `after` of the next page: None on the last."""

    records: tuple[DecisionRecord, ...]
    next_after: str | None


class DecisionLog:
    """The log's database, for reading. Its methods raise FactsUnavailable where that does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def query(self, wanted: LogFilter, limit: int, after: str | None = None) -> Page:
        """Up to `limit` (1 to PAGE_LIMIT) records that fit, those after the id `after` if it is given.

        ValueError for a limit out of bounds or an `after` that is no id.
        """
        if not 1 <= limit <= PAGE_LIMIT:
            raise ValueError(f"a page has 1 to {PAGE_LIMIT} records, not {limit}")
        query = page_query(wanted, limit + 1, after)
        with self._database.read() as connection:
            bodies = connection.execute(query).scalars().all()
        records = tuple(decode_record(body) for body in bodies[:limit])
        return Page(records, records[-1].id if len(bodies) > limit else None)

    def show(self, id_: str) -> DecisionRecord | None:
        """The record of that id, if it is in the log."""
        try:
            query = select(decision.c.body).where(decision.c.id == str(UUID(id_)))
        except ValueError:
            return None
        with self._database.read() as connection:
            body = connection.execute(query).scalar()
        return None if body is None else decode_record(body)

    def unshipped(self, folder: Path) -> SpoolMark:
        """What the spool holds now that is not yet in the log; OSError if its segments may not be read."""
        positions = self._positions([path.name for path in segments(folder)])
        ends = ((path.name, valid_end(path, positions.get(path.name, 0))) for path in segments(folder))
        return {name: end for name, end in ends if end > positions.get(name, 0)}

    def is_shipped(self, mark: SpoolMark) -> bool:
        """Whether all that the mark speaks of is in the log now."""
        positions = self._positions(list(mark))
        return all(positions.get(name, 0) >= end for name, end in mark.items())

    def _positions(self, names: list[str]) -> Mapping[str, int]:
        query = select(spool_position.c.segment, spool_position.c.position).where(spool_position.c.segment.in_(names))
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}


def page_query(wanted: LogFilter, limit: int, after: str | None) -> "Select[str]":
    """The bodies of a page, ordered by the id of the table where the search begins: its index has that order."""
    query, key = select(decision.c.body), decision.c.id
    if wanted.rule is not None:
        key = decision_rule.c.decision_id
        query = query.join(decision_rule, key == decision.c.id)
    if after is not None:
        query = query.where(key < str(UUID(after)))
    return query.where(*_conditions(wanted)).order_by(key.desc()).limit(limit)


def _conditions(wanted: LogFilter) -> Iterator[ColumnElement[bool]]:
    columns = decision.c
    if wanted.since is not None:
        yield columns.time >= wanted.since
    if wanted.until is not None:
        yield columns.time < wanted.until
    if wanted.effect is not None:
        yield columns.effect == wanted.effect.value
    yield from _same_text(columns.action, wanted.action)
    yield from _same_text(columns.code, wanted.code)
    yield from _same_text(columns.request_id, wanted.request_id)
    yield from _same_text(columns.policy_digest, wanted.policy_digest)
    yield from _same_text(decision_rule.c.rule, wanted.rule)
    yield from _same_ref(columns.caller_type, columns.caller_id, wanted.caller)
    yield from _same_ref(columns.principal_type, columns.principal_id, wanted.principal)
    yield from _same_ref(columns.resource_type, columns.resource_id, wanted.resource)
    yield from _same_ref(columns.tenant_type, columns.tenant_id, wanted.tenant)


def _same_text(column: "Column[str]", text: str | None) -> Iterator[ColumnElement[bool]]:
    if text is not None:
        yield column == indexed(text)


def _same_ref(type_: "Column[str]", id_: "Column[str]", ref: Ref | None) -> Iterator[ColumnElement[bool]]:
    if ref is not None:
        yield type_ == indexed(ref.type)
        yield id_ == indexed(ref.id)
