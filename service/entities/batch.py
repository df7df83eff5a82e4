"""A batch of writes as callers want it, and as it was admitted: every fault at once, each with the write's field.

Law: a batch says one thing of each entity, assignment and row of a relation, so the order of its writes means nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from policy_lang.facts import Assignment, Link
from policy_lang.schema import Schema
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.feed import Change, assignment_change, entity_change, relation_change
from service.entities.admission import Admission, EntityFact
from service.entities.elsewhere import NOWHERE, Elsewhere
from service.errors import DataError, InvalidRequest, Violation
from service.permits import PREFIX


@dataclass(frozen=True, slots=True)
class Put:
    """Write an entity whole, from values in the given form."""

    ref: Ref
    attributes: Json
    parents: Json = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete an entity."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Assign:
    """Assign a role, of the policies or of the built-in module."""

    assignment: Assignment


@dataclass(frozen=True, slots=True)
class Unassign:
    """Take a role away."""

    assignment: Assignment


@dataclass(frozen=True, slots=True)
class Relate:
    """Write a row of a stored relation."""

    link: Link


@dataclass(frozen=True, slots=True)
class Unrelate:
    """Delete a row of a stored relation."""

    link: Link


FactWrite = Put | Delete | Assign | Unassign | Relate | Unrelate
EVERY_WRITE: Final[AbstractSet[type[FactWrite]]] = frozenset({Put, Delete, Assign, Unassign, Relate, Unrelate})
Key = tuple[object, ...]
"""What a write says something of."""
CheckGrant = Callable[[str], object]
"""DataError for what is no role of the built-in module, named without the module."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Writes that were admitted, each by what it is of; `fields` says where each stands in the request."""

    puts: dict[Ref, EntityFact] = field(default_factory=dict)
    deletes: list[Ref] = field(default_factory=list)
    assigns: list[Assignment] = field(default_factory=list)
    unassigns: list[Assignment] = field(default_factory=list)
    relates: list[Link] = field(default_factory=list)
    unrelates: list[Link] = field(default_factory=list)
    fields: dict[Key, str] = field(default_factory=dict)

    def changes(self) -> list[Change]:
        """All that it may change, each once."""
        told = [entity_change(ref) for ref in (*self.puts, *self.deletes)]
        told += [assignment_change(each.subject) for each in (*self.assigns, *self.unassigns)]
        told += [relation_change(link.resource, link.relation) for link in (*self.relates, *self.unrelates)]
        return list(dict.fromkeys(told))

    def ends(self) -> set[Ref]:
        """The ends of its assignments and relations."""
        found = {end for each in (*self.assigns, *self.unassigns) for end in (each.subject, each.place) if end}
        return found | {end for link in (*self.relates, *self.unrelates) for end in (link.resource, link.subject)}

    def fault(self, key: Key, message: str) -> Violation:
        """A fault of the write of that key."""
        return Violation(self.fields[key], message)


def entity_key(ref: Ref) -> Key:
    """What a put and a delete are of."""
    return "entity", ref


def assignment_key(assignment: Assignment) -> Key:
    """What an assignment is of: all but its expiry."""
    return "assignment", assignment.subject, assignment.role, assignment.place


def link_key(link: Link) -> Key:
    """What a row of a relation is of: all but its expiry."""
    return "relation", link.resource, link.relation, link.subject


class BatchAdmission:
    """Admits batches by one schema."""

    def __init__(self, schema: Schema, check_grant: CheckGrant, elsewhere: Elsewhere = NOWHERE) -> None:
        self._admission = Admission(schema, elsewhere)
        self._check_grant = check_grant

    def admit(self, writes: Sequence[FactWrite], only: AbstractSet[type[FactWrite]] = EVERY_WRITE) -> Batch:
        """The batch, of those kinds of write; InvalidRequest with every write that may not be, and why."""
        batch, faults = Batch(), list[Violation]()
        for at, write in enumerate(writes):
            if type(write) not in only:
                continue
            field_ = f"writes[{at}].{_NAMES[type(write)]}"
            try:
                key = self._take(batch, write)
            except DataError as error:
                faults.append(Violation(field_, in_one_line(error)))
                continue
            first = batch.fields.setdefault(key, field_)
            if first != field_:
                faults.append(Violation(field_, f"`{first}` is of the same: a batch says one thing of each"))
        if faults:
            raise InvalidRequest(faults)
        return batch

    def _take(self, batch: Batch, write: FactWrite) -> Key:
        match write:
            case Put(ref, attributes, parents):
                fact = self._admission.entity(ref, attributes, parents)
                batch.puts.setdefault(fact.ref, fact)
                return entity_key(fact.ref)
            case Delete(ref):
                self._admission.stored_type(ref.type)
                batch.deletes.append(ref)
                return entity_key(ref)
            case Assign(assignment) | Unassign(assignment):
                admitted = self._assignment(assignment)
                (batch.assigns if isinstance(write, Assign) else batch.unassigns).append(admitted)
                return assignment_key(admitted)
            case Relate(link) | Unrelate(link):
                row = self._admission.link(given(link.resource), link.relation, given(link.subject))
                row = row._replace(expires_at=link.expires_at)
                (batch.relates if isinstance(write, Relate) else batch.unrelates).append(row)
                return link_key(row)

    def _assignment(self, wanted: Assignment) -> Assignment:
        """Who and where of a role of the module need not be there, nor be declared."""
        if wanted.role.startswith(PREFIX):
            self._check_grant(wanted.role.removeprefix(PREFIX))
            return wanted
        admitted = self._admission.assignment(given(wanted.subject), wanted.role, given(wanted.place))
        return admitted._replace(expires_at=wanted.expires_at)


def of_policies(assignments: Sequence[Assignment]) -> Iterator[Assignment]:
    """The assignments of roles that the policies declare."""
    return (each for each in assignments if not each.role.startswith(PREFIX))


def given(ref: Ref | None) -> Json:
    """A reference in the given form."""
    return None if ref is None else {"type": ref.type, "id": ref.id}


def in_one_line(error: DataError) -> str:
    """The text of an error, its help behind it."""
    return "; ".join(str(error).split("\n"))


_NAMES: Final[Mapping[type[FactWrite], str]] = {
    Put: "put",
    Delete: "delete",
    Assign: "assign",
    Unassign: "unassign",
    Relate: "relate",
    Unrelate: "unrelate",
}
