"""Writes batches for callers: admitted, allowed and recorded as a whole, then done as a whole or not at all.

Law: every fault is told with the field of its write. What the writes refer to must be there when all of them are done.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Final

from sqlalchemy import Connection

from policy_lang.facts import Assignment
from service.db.also import Also, nothing_else
from service.db.engine import Database
from service.db.turns import refuse_changed, take_turn
from service.entities.batch import (
    Assign,
    Batch,
    BatchAdmission,
    CheckGrant,
    Delete,
    FactWrite,
    Put,
    Relate,
    Unassign,
    Unrelate,
    assignment_key,
    entity_key,
    link_key,
    of_policies,
)
from service.entities.batch_stakes import ALL, acts_of
from service.entities.changes import Changes
from service.entities.elsewhere import NOWHERE, Elsewhere
from service.entities.entrance import Entrance
from service.entities.governed import ended_with
from service.entities.hierarchy import HIERARCHY_LOCK, fault_at, hold, is_sound_at, missing, parents_among
from service.entities.stakes import Stakes
from service.entities.standing import Standing, coming, nothing_coming
from service.errors import InvalidRequest, Violation
from service.model import ActivePolicies, Caller
from service.permits import Act, Action
from service.ports import Clock, Gate, Policies

_ENTERING: Final[Mapping[type[FactWrite], Action]] = {
    Put: Action.ENTITY_WRITE,
    Delete: Action.ENTITY_WRITE,
    Assign: Action.ROLE_ASSIGN,
    Unassign: Action.ROLE_ASSIGN,
    Relate: Action.ENTITY_WRITE,
    Unrelate: Action.ENTITY_WRITE,
}
"""What a caller must be permitted somewhere before it learns anything."""
_KEPT: Final = frozenset({Put, Assign, Relate})
"""Writes after which there is something to be read; what is taken away may be of what is declared no more."""


class BatchWriter:
    """PermissionDenied before any other fault; then InvalidRequest with every write at fault, EntityChanged."""

    def __init__(
        self,
        database: Database,
        policies: Policies,
        gate: Gate,
        *,
        check_grant: CheckGrant,
        clock: Clock,
        also: Also = nothing_else,
        elsewhere: Elsewhere = NOWHERE,
        standing: Standing = nothing_coming,
    ) -> None:
        """`also` ends what was issued to a principal that is deleted; `standing` says what else must admit facts."""
        self._elsewhere = elsewhere
        self._database = database
        self._enter = Entrance(gate, policies).enter
        self._check_grant = check_grant
        self._clock = clock
        self._also = also
        self._standing = standing

    def write(self, caller: Caller, writes: Sequence[FactWrite], *, if_revision: str = "") -> str:
        """Does all of the writes, of which there is one or more; the one revision from which they are in force."""
        entering = dict.fromkeys(_ENTERING[type(write)] for write in writes)
        visitor, schema = self._enter(caller, *(Act(action, ALL) for action in entering))
        batch = BatchAdmission(schema, self._check_grant, self._elsewhere).admit(writes)
        end = partial(ended_with, also=partial(self._also, by=caller.principal.ref, now=self._clock()))
        actions = (Action.ENTITY_WRITE, Action.ROLE_ASSIGN)
        mapped = self._elsewhere.tenants_for(visitor, actions, schema, sorted(batch.ends()))
        with self._database.write() as connection:
            changes = batch.changes()
            take_turn(self._database, connection, changes)
            stakes = Stakes(connection, schema, mapped)
            visitor.require(acts_of(batch, stakes, schema))
            if if_revision:
                refuse_changed(connection, changes, if_revision)
            self._require_same(self._standing(connection, schema), batch, writes)
            if batch.deletes or any(fact.parents for fact in batch.puts.values()):
                self._database.wait_for(connection, HIERARCHY_LOCK)
            written = Changes(connection, stakes.tenants)
            faults = _taken_away(batch, written) + _written(batch, written, connection)
            _refuse(faults + _dangling(batch, connection, schema.stored - self._elsewhere.types.keys()))
            written.tell(end(schema, batch.deletes, connection))
            return written.advance()

    def _require_same(self, others: Sequence[ActivePolicies], batch: Batch, writes: Sequence[FactWrite]) -> None:
        """InvalidRequest where policies that are about to be in force do not admit the same."""
        for each in others:
            admission = BatchAdmission(each.bundle.program.schema, self._check_grant, self._elsewhere)
            try:
                other = admission.admit(writes, only=_KEPT)
            except InvalidRequest as error:
                said = [Violation(fault.field, f"{fault.message}; {coming(each)}") for fault in error.violations]
                raise InvalidRequest(said, error.more) from error
            _refuse(
                [
                    batch.fault(entity_key(ref), f"it would be kept in another form; {coming(each)}")
                    for ref, fact in batch.puts.items()
                    if other.puts[ref] != fact
                ]
            )


def _taken_away(batch: Batch, changes: Changes) -> list[Violation]:
    """Takes away what the batch takes away; what is not there is a fault."""
    faults = [
        batch.fault(assignment_key(each), f"`{each.subject}` is not assigned `{each.role}`{_at(each)}")
        for each in batch.unassigns
        if not changes.unassign(each)
    ]
    faults += [
        batch.fault(link_key(link), f"`{link.subject}` is no `{link.relation}` of `{link.resource}`")
        for link in batch.unrelates
        if not changes.unrelate(link)
    ]
    # In one order for everybody, so that two who wait for rows never wait for each other.
    gone = [ref for ref in sorted(batch.deletes) if not changes.delete(ref)]
    return faults + [batch.fault(entity_key(ref), f"there is no `{ref}`") for ref in gone]


def _written(batch: Batch, changes: Changes, connection: Connection) -> list[Violation]:
    """Writes what the batch writes; what breaks the hierarchy is a fault."""
    moved = changes.put(list(batch.puts.values()))
    changes.assign(batch.assigns)
    changes.relate(batch.relates)
    absent = missing(connection, {parent for fact in batch.puts.values() for parent in fact.parents})
    faults = [
        batch.fault(entity_key(ref), f"there is no parent `{min(absent & set(fact.parents))}`")
        for ref, fact in batch.puts.items()
        if absent & set(fact.parents)
    ]
    faults += [
        batch.fault(entity_key(ref), f"`{ref}` is the parent of other entities: delete or move them too")
        for ref in sorted(parents_among(connection, batch.deletes))
    ]
    if not is_sound_at(connection, moved):
        found = [(ref, fault_at(connection, ref)) for ref in sorted(moved)]
        faults += [batch.fault(entity_key(ref), fault) for ref, fault in found if fault is not None]
    return faults


def _dangling(batch: Batch, connection: Connection, types: Collection[str]) -> list[Violation]:
    """Assignments and links whose ends are of those types and not there, once all is written; those that are, stay."""
    ends = {
        assignment_key(each): [end for end in (each.subject, each.place) if end is not None]
        for each in of_policies(batch.assigns)
    }
    ends |= {link_key(link): [link.resource, link.subject] for link in batch.relates}
    absent = hold(connection, {end for each in ends.values() for end in each if end.type in types})
    return [
        batch.fault(key, f"there is no entity `{min(absent.intersection(each))}`")
        for key, each in ends.items()
        if absent.intersection(each)
    ]


def _at(assignment: Assignment) -> str:
    return f" at `{assignment.place}`" if assignment.place else ""


def _refuse(faults: Sequence[Violation]) -> None:
    if faults:
        raise InvalidRequest(faults)
