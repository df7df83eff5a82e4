"""Tells callers what has changed of the facts, from a revision on, by the change rows that every cache follows.

Law: a change that may have been missed is told as a change of everything, or ends the watch; it is never passed over.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import Final

import orjson
from sqlalchemy import Connection, Row, func, select

from policy_lang.values import Ref
from service.db.engine import Database
from service.db.facts_tables import change, revision
from service.db.feed import ASSIGNMENT, ENTITY, EVERYTHING, FORMAT, LIMIT, RELATION
from service.errors import ChangesGone, FactsUnavailable, RevisionUnknown
from service.feed.revision import Revision
from service.model import Caller
from service.permits import Act, Action
from service.ports import Gate

STEP: Final = 2 * LIMIT
"""Changes read at a time: a revision has at most `LIMIT`, so one at least is read whole."""
_WATCHED: Final = Ref("*", "*")


class Changed(Enum):
    """What kind of thing has changed."""

    ENTITY = ENTITY
    ROLES = ASSIGNMENT
    RELATION = RELATION
    EVERYTHING = EVERYTHING.kind


@dataclass(frozen=True, slots=True)
class ChangedFact:
    """The entity that has changed, or whose roles have, or the resource of the relation; None for everything."""

    what: Changed
    ref: Ref | None = None
    relation: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What one revision changed, of what the caller may see."""

    revision: Revision
    changes: tuple[ChangedFact, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What was told up to a position, and whether there is more by now."""

    told: tuple[Told, ...]
    position: Revision
    has_more: bool


class Watching:
    """Watches for callers that hold `entity.read` everywhere, or at the tenant that they name. Its methods do I/O."""

    def __init__(self, database: Database, gate: Gate) -> None:
        self._database = database
        self._gate = gate

    def begin(self, caller: Caller, tenant: Ref | None, after: str) -> Revision:
        """Where the watch begins: after that revision, or after the last where the text is empty.

        PermissionDenied before any other fault; then RevisionUnknown, ChangesGone.
        """
        details = {"read": "watch", "after": after[:64]}
        self._gate.admit(caller).require([Act(Action.ENTITY_READ, _WATCHED, tenant, details=details)])
        with self._database.read() as connection:
            head = _head(connection)
            position = Revision.parse(after) if after else head
            _check(connection, position, head)
            return position

    def check(self, caller: Caller, tenant: Ref | None) -> None:
        """Returns where the caller may still watch; PermissionDenied, recorded, where it may not."""
        visitor = self._gate.admit(caller)
        if not visitor.may(Action.ENTITY_READ, tenant):
            visitor.require([Act(Action.ENTITY_READ, _WATCHED, tenant, details={"read": "watch"})])

    def step(self, position: Revision, tenant: Ref | None) -> Step:
        """What changed after the position, as far as one read goes; RevisionUnknown, ChangesGone, FactsUnavailable."""
        with self._database.read() as connection:
            head = _head(connection)
            _check(connection, position, head)
            rows = connection.execute(_AFTER.where(change.c.revision > position.n)).all()
        is_cut = len(rows) == STEP
        if is_cut:
            # The last revision may go on behind what was read.
            rows = [row for row in rows if row.revision != rows[-1].revision]
        told = tuple(_told(head.epoch, rows, tenant))
        return Step(told, Revision(head.epoch, rows[-1].revision if rows else position.n), is_cut)


def _head(connection: Connection) -> Revision:
    found = connection.execute(select(revision.c.epoch, revision.c.n)).one_or_none()
    if found is None:
        raise FactsUnavailable("the facts have no revision: their tables are not complete")
    return Revision(found.epoch, found.n)


def _check(connection: Connection, position: Revision, head: Revision) -> None:
    """Whether every change after the position can be told."""
    if position.epoch != head.epoch or position.n > head.n:
        raise RevisionUnknown(f"revision `{position}` is of an epoch other than the facts', or has not come")
    if position.n == head.n:
        return
    first = connection.execute(select(func.min(change.c.revision))).scalar()
    if first is None or first > position.n + 1:
        raise ChangesGone(
            f"the changes after `{position}` are not kept any more"
            "\nhelp: read again what you keep of the facts, then watch from the revision before that"
        )


def _told(epoch: str, rows: Sequence[Row[*tuple[object, ...]]], tenant: Ref | None) -> Iterator[Told]:
    for number, group in groupby(rows, key=lambda row: int(row.revision)):
        changes = tuple(_seen(group, tenant))
        if changes:
            yield Told(Revision(epoch, number), changes)


def _seen(rows: Iterable[Row[*tuple[object, ...]]], tenant: Ref | None) -> Iterator[ChangedFact]:
    """The changes of facts; of one tenant's, where a tenant is named."""
    for row in rows:
        if row.format != FORMAT or row.kind == EVERYTHING.kind:
            yield ChangedFact(Changed.EVERYTHING)
        elif row.kind in _FACTS and (tenant is None or str(tenant) in _tenants(row.tenants)):
            relation, _, key = str(row.key).partition(" ") if row.kind == RELATION else ("", "", str(row.key))
            yield ChangedFact(_FACTS[row.kind], _ref(key), relation)


def _ref(key: str) -> Ref:
    type_, _, id_ = key.partition(":")
    return Ref(type_, id_)


def _tenants(written: str | None) -> Sequence[str]:
    return orjson.loads(written) if written else ()


_FACTS: Final = {each.value: each for each in (Changed.ENTITY, Changed.ROLES, Changed.RELATION)}
_AFTER: Final = select(change).order_by(change.c.revision, change.c.ordinal).limit(STEP)
