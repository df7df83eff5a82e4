"""Writes single facts, each in a transaction of its own that gives the revision from which it is in force."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

from sqlalchemy import Connection

from policy_lang.facts import Link
from policy_lang.schema import Schema
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.feed import Change
from service.db.turns import share_facts
from service.entities.admission import Admission
from service.entities.changes import Changes
from service.entities.elsewhere import NOWHERE, Elsewhere
from service.entities.hierarchy import HIERARCHY_LOCK, fault_at, hold, missing, parents_among
from service.entities.stakes import Stakes
from service.errors import DataError

Approve = Callable[[Connection], None]
"""Called first in the transaction of a write, which it stops by what it raises."""


def unasked(connection: Connection) -> None:
    """Approves of everything, for those who hold the database, once no import is merging."""
    share_facts(connection)


End = Callable[[Connection], Sequence[Change]]
"""Ends in the transaction what goes with an entity, and tells what changed by it."""


def nothing_ends(_: Connection) -> Sequence[Change]:
    """Nothing else goes."""
    return ()


class EntityWriter:
    """Writes facts that the schema declares. Every method gives the new revision, `epoch.n`.

    Values are in the given form. DataError says what may not be written; FactsUnavailable that nothing could be.
    """

    def __init__(
        self,
        database: Database,
        schema: Schema,
        elsewhere: Elsewhere = NOWHERE,
        mapped: Mapping[Ref, Ref | None] = MappingProxyType({}),
    ) -> None:
        """`mapped` are the tenants of entities that stand elsewhere."""
        self._mapped = mapped
        self._database = database
        self._schema = schema
        self._admission = Admission(schema, elsewhere)

    def put(self, ref: Ref, attributes: Json, parents: Json = None, *, approve: Approve = unasked) -> str:
        """Writes an entity whole: what is not given, of attributes and parents, is not set any more."""
        fact = self._admission.entity(ref, attributes, parents)
        with self._database.write() as connection:
            approve(connection)
            if fact.parents:
                self._database.wait_for(connection, HIERARCHY_LOCK)
            changes = self._changes_of(connection)
            moved = changes.put([fact])
            _refuse_missing(missing(connection, fact.parents), "parent")
            fault = fault_at(connection, fact.ref) if moved else None
            if fault:
                raise DataError(fault)
            return changes.advance()

    def delete(self, ref: Ref, *, approve: Approve = unasked, also: End = nothing_ends) -> str:
        """Deletes an entity with its assignments and links, and what else is to end; a parent of others is refused."""
        self._admission.stored_type(ref.type)
        with self._database.write() as connection:
            approve(connection)
            self._database.wait_for(connection, HIERARCHY_LOCK)
            if parents_among(connection, [ref]):
                raise DataError(f"`{ref}` is the parent of other entities\nhelp: delete or move them first")
            changes = self._changes_of(connection)
            if not changes.delete(ref):
                raise DataError(f"there is no `{ref}`")
            changes.tell(also(connection))
            return changes.advance()

    def assign(
        self, subject: Json, role: str, place: Json = None, expires_at: Json = None, *, approve: Approve = unasked
    ) -> str:
        """Assigns a role to a principal, or an ancestor of some, at a place or globally; anew, the expiry changes."""
        assignment = self._admission.assignment(subject, role, place, expires_at)
        with self._changes((assignment.subject, assignment.place), approve) as changes:
            changes.assign([assignment])
            return changes.advance()

    def unassign(self, subject: Json, role: str, place: Json = None, *, approve: Approve = unasked) -> str:
        """Takes a role away; DataError where it was not assigned."""
        assignment = self._admission.assignment(subject, role, place)
        with self._database.write() as connection:
            approve(connection)
            changes = self._changes_of(connection)
            if not changes.unassign(assignment):
                where = f" at `{assignment.place}`" if assignment.place else ""
                raise DataError(f"`{assignment.subject}` is not assigned `{role}`{where}")
            return changes.advance()

    def relate(self, resource: Json, relation: str, subject: Json, expires_at: Json = None) -> str:
        """Writes a row of a stored relation; written anew, the expiry changes."""
        return self.write_relations([self._admission.link(resource, relation, subject, expires_at)], [])

    def unrelate(self, resource: Json, relation: str, subject: Json) -> str:
        """Deletes a row of a stored relation; DataError where there was none."""
        return self.write_relations([], [self._admission.link(resource, relation, subject)])

    def write_relations(self, writes: Sequence[Link], deletes: Sequence[Link], *, approve: Approve = unasked) -> str:
        """Writes and deletes rows of stored relations that were admitted, all of them or none."""
        with self._changes([end for link in writes for end in (link.resource, link.subject)], approve) as changes:
            changes.relate(writes)
            for link in deletes:
                if not changes.unrelate(link):
                    raise DataError(f"`{link.subject}` is no `{link.relation}` of `{link.resource}`")
            return changes.advance()

    @contextmanager
    def _changes(self, ends: Collection[Ref | None], approve: Approve) -> Iterator[Changes]:
        """A write of something between entities that are there, or that have no rows."""
        with self._database.write() as connection:
            approve(connection)
            stored = [end for end in ends if end is not None and self._admission.has_rows(end.type)]
            _refuse_missing(hold(connection, stored), "entity")
            yield self._changes_of(connection)

    def _changes_of(self, connection: Connection) -> Changes:
        return Changes(connection, Stakes(connection, self._schema, self._mapped).tenants)


def _refuse_missing(absent: Collection[Ref], what: str) -> None:
    if absent:
        raise DataError(f"there is no {what} `{min(absent)}`")
