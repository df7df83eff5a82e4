"""Admits facts as people write them: what the schema does not declare or does not fit is a DataError that names it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from policy_lang.diagnostics import did_you_mean
from policy_lang.facts import Assignment, Link
from policy_lang.forms import check_id, read_given, write_stored
from policy_lang.notation import BadValue
from policy_lang.schema import Attribute, EntityType, Origin, Schema
from policy_lang.types import Json, RefType, TimestampType
from policy_lang.values import Ref
from service.entities.elsewhere import NOWHERE, Elsewhere
from service.errors import DataError
from service.permits import PREFIX


@dataclass(frozen=True, slots=True)
class EntityFact:
    """An entity that may be written: attributes in the stored form, parents that stand to be looked up."""

    ref: Ref
    attributes: Mapping[str, Json] = field(default_factory=dict)
    parents: tuple[Ref, ...] = ()


T = TypeVar("T")

Fact = EntityFact | Assignment | Link
"""One line of an import."""


class Admission:
    """Reads facts in the given form by one schema; what stands elsewhere is none of the store's."""

    def __init__(self, schema: Schema, elsewhere: Elsewhere = NOWHERE) -> None:
        self._schema = schema
        self._elsewhere = elsewhere
        self._holders: Final = tuple(sorted(types_that_hold_roles(schema)))

    def entity(self, ref: Ref, attributes: Json, parents: Json = None) -> EntityFact:
        """The entity with attributes in the given form, and parents as references; null is not set."""
        declared = self.stored_type(ref.type)
        id_ = _fits("id", lambda: check_id(ref.id))
        if not isinstance(attributes, dict):
            raise DataError("`attributes`: expected an object")
        stored = {name: self._stored(declared, name, given) for name, given in attributes.items()}
        kept = {name: value for name, value in stored.items() if value is not None}
        return EntityFact(Ref(ref.type, id_), kept, self._parents(declared, parents))

    def assignment(self, subject: Json, role: str, place: Json, expires_at: Json = None) -> Assignment:
        """The assignment of a role at a place, or globally where the place is null."""
        declared = self._schema.roles.get(role)
        if role.startswith(PREFIX):
            raise DataError(
                f"`{role}` is a role of this service, and no fact\nhelp: `magistrate admin` gives such roles"
            )
        if declared is None:
            raise DataError(_unknown("role", role, self._schema.roles))
        self._elsewhere.refuse_role(role)
        if declared.on is None and place is not None:
            raise DataError(f"role `{role}` is assigned globally, at no place")
        if declared.on is not None and place is None:
            raise DataError(f"role `{role}` is assigned at a `{declared.on}`, which is not given")
        return Assignment(
            subject=reference("principal", self._holders, subject),
            role=role,
            place=None if declared.on is None else reference("scope", (declared.on,), place),
            expires_at=_expiry(expires_at),
        )

    def link(self, resource: Json, relation: str, subject: Json, expires_at: Json = None) -> Link:
        """The row of a stored relation."""
        stands_on = tuple(on for name, on in self._schema.relations if name == relation)
        if not stands_on:
            raise DataError(_unknown("stored relation", relation, {name for name, _ in self._schema.relations}))
        end = reference("resource", stands_on, resource)
        self._elsewhere.refuse_relation(relation, end.type)
        return Link(
            resource=end,
            relation=relation,
            subject=reference("principal", self._schema.relations[relation, end.type].subjects, subject),
            expires_at=_expiry(expires_at),
        )

    def stored_type(self, type_: str) -> EntityType:
        """The declaration of a type that has rows here."""
        declared = self._schema.types.get(type_)
        if declared is None:
            raise DataError(_unknown("type", type_, self._schema.types))
        if not declared.is_stored:
            raise DataError(f"`{type_}` has no rows: its entities are described by the {declared.rows.value}")
        self._elsewhere.refuse_type(type_)
        return declared

    def has_rows(self, type_: str) -> bool:
        """Whether entities of that type have rows here, so that a reference to one can dangle."""
        return self._schema.types[type_].is_stored and type_ not in self._elsewhere.types

    def _stored(self, declared: EntityType, name: str, given: Json) -> Json:
        attribute = declared.attributes.get(name)
        if attribute is None:
            raise DataError(_unknown("attribute", name, declared.attributes, f" of `{declared.name}`"))
        if attribute.origin is not Origin.STORE:
            raise DataError(f"`{declared.name}.{name}` is not stored: {_SOURCES[attribute.origin]}")
        if given is None:
            return None
        return _fits(f"{declared.name}.{name}", lambda: _to_stored(attribute, given))

    def _parents(self, declared: EntityType, parents: Json) -> tuple[Ref, ...]:
        if parents is None:
            return ()
        if not isinstance(parents, list | tuple):
            raise DataError("`parents`: expected a list")
        if parents and not declared.parents:
            raise DataError(f"`{declared.name}` has no parents")
        found = tuple(sorted({reference("parents", declared.parents, parent) for parent in parents}))
        for parent in found:
            self._elsewhere.refuse_type(parent.type)
        return found


def reference(field_name: str, targets: tuple[str, ...], given: Json) -> Ref:
    """The reference that the given form writes, to one of those types; DataError names the field."""
    found = _fits(field_name, lambda: read_given(RefType(targets), given))
    if not isinstance(found, Ref):
        raise DataError(f"`{field_name}`: expected a reference")
    return found


def _to_stored(attribute: Attribute, given: Json) -> Json:
    return write_stored(attribute.type, read_given(attribute.type, given))


def _expiry(given: Json) -> int | None:
    if given is None:
        return None
    moment = _fits("expires_at", lambda: read_given(TimestampType(), given))
    return moment if isinstance(moment, int) else None


def _fits(name: str, read: Callable[[], T]) -> T:
    """What the reader gives; where the value does not fit, a DataError that names it."""
    try:
        return read()
    except BadValue as error:
        raise DataError(f"`{name}`: {error}") from error


def _unknown(what: str, name: str, known: Iterable[str], where: str = "") -> str:
    near = did_you_mean(name, known)
    return f"unknown {what} `{name}`{where}" + (f"\nhelp: {near}" if near else "")


def types_that_hold_roles(schema: Schema) -> set[str]:
    """Principals' types, and those that an ancestor of a principal may have."""
    holders = {declared.name for declared in schema.types.values() if declared.is_principal}
    waiting = list(holders)
    while waiting:
        new = set(schema.types[waiting.pop()].parents) - holders
        holders |= new
        waiting.extend(new)
    return holders


_SOURCES: Final[Mapping[Origin, str]] = {
    Origin.REQUEST: "every request gives it",
    Origin.CLAIM: "the principal's token says it",
}
