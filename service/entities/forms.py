"""Shows stored facts in the given form, as an import takes them; what the schema cannot read is told and left out."""

from collections.abc import Callable, Iterable

from policy_lang.facts import Assignment, Link
from policy_lang.forms import read_cell, read_stored, write_given
from policy_lang.notation import BadValue
from policy_lang.schema import EntityType, Origin, Schema
from policy_lang.types import Json, RefType, TimestampType
from policy_lang.values import Gap, Ref
from service.entities.admission import Admission
from service.entities.decoding import load_document
from service.errors import DataError

Form = dict[str, Json]
"""One line of an import."""


class Forms:
    """Shows facts by one schema; `leave_out` is told of each that has no form, and why."""

    def __init__(self, schema: Schema, leave_out: Callable[[str], None]) -> None:
        self._schema = schema
        self._admission = Admission(schema)
        self._leave_out = leave_out

    def entity(self, ref: Ref, document: str, parents: Iterable[Ref]) -> Form | None:
        """The line of an entity, with as much of it as the schema reads."""
        declared = self._schema.types.get(ref.type)
        if declared is None or not declared.is_stored:
            self._leave_out(f"`{ref}`: type `{ref.type}` is not declared to have rows")
            return None
        attributes = dict(self._attributes(ref, declared, document))
        return {
            "kind": "principal" if declared.is_principal else "resource",
            "type": ref.type,
            "id": ref.id,
            "attributes": attributes,
            "parents": [_reference(parent) for parent in self._parents(ref, declared, parents)],
        }

    def assignment(self, found: Assignment) -> Form | None:
        """The line of an assignment."""
        form: Form = {
            "kind": "assignment",
            "principal": _reference(found.subject),
            "role": found.role,
            "scope": None if found.place is None else _reference(found.place),
            "expires_at": _moment(found.expires_at),
        }
        try:
            self._admission.assignment(form["principal"], found.role, form["scope"])
        except DataError as error:
            self._leave_out(f"role `{found.role}` of `{found.subject}`: {_first_line(error)}")
            return None
        return form

    def link(self, found: Link) -> Form | None:
        """The line of a stored relation's row."""
        form: Form = {
            "kind": "relation",
            "resource": _reference(found.resource),
            "relation": found.relation,
            "principal": _reference(found.subject),
            "expires_at": _moment(found.expires_at),
        }
        try:
            self._admission.link(form["resource"], found.relation, form["principal"])
        except DataError as error:
            self._leave_out(f"relation `{found.relation}` of `{found.resource}`: {_first_line(error)}")
            return None
        return form

    def _attributes(self, ref: Ref, declared: EntityType, document: str) -> Iterable[tuple[str, Json]]:
        stored = load_document(document)
        if stored is None:
            self._leave_out(f"`{ref}`: its attributes are no object")
            return
        for name, value in sorted(stored.items()):
            attribute = declared.attributes.get(name)
            if attribute is None or attribute.origin is not Origin.STORE:
                self._leave_out(f"`{ref}`: `{name}` is no stored attribute of `{declared.name}`")
                continue
            try:
                read_stored(attribute.type, value)
            except BadValue as error:
                self._leave_out(f"`{ref}`: `{name}`: {error}")
            cell = read_cell(attribute.type, value, read_stored)
            if not isinstance(cell, Gap):
                yield name, write_given(attribute.type, cell)

    def _parents(self, ref: Ref, declared: EntityType, parents: Iterable[Ref]) -> Iterable[Ref]:
        for parent in parents:
            if parent.type in declared.parents:
                yield parent
            else:
                self._leave_out(f"`{ref}`: `{parent.type}` is no parent of `{declared.name}`")


def _reference(ref: Ref) -> Json:
    return write_given(RefType((ref.type,)), ref)


def _moment(milliseconds: int | None) -> Json:
    return None if milliseconds is None else write_given(TimestampType(), milliseconds)


def _first_line(error: DataError) -> str:
    return str(error).partition("\n")[0]
