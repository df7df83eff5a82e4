"""Finds what is stored and does not fit the types of a bundle, before it is in force; one pass, in little memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, func, select

from policy_lang.forms import read_stored
from policy_lang.notation import BadValue
from policy_lang.schema import Attribute, EntityType, Origin, Schema
from policy_lang.types import Json, RecordType
from policy_lang.values import BAD_VALUE, Ref
from service.db.bounding import unbounded
from service.db.dialect import text_of
from service.db.engine import Database
from service.db.facts_tables import entity, entity_parent, relation_link, role_assignment
from service.entities.admission import Admission
from service.entities.batch import given, in_one_line
from service.entities.decoding import load_document, reader_of
from service.errors import DataError
from service.permits import PREFIX

EXAMPLES: Final = 3
"""Entities that a finding names."""
BATCH: Final = 1000
"""Rows read at a time."""
CODES: Final = {
    "D101": "rows of a type that is not declared to have any",
    "D102": "values of an attribute that is not declared to be stored",
    "D103": "values that do not fit their attribute",
    "D104": "required attributes that are not set",
    "D105": "parents of a type that is not declared as one",
    "D201": "assignments of a role that is not declared",
    "D202": "assignments that do not fit their role",
    "D301": "rows of a stored relation that is not declared",
    "D302": "rows that do not fit their stored relation",
}
"""What each code of a finding says."""

OnProgress = Callable[[int, int], None]
"""Is told how many entities were looked at, of how many."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """What does not fit: the type, role or relation, an attribute of the type, how many rows, some of them, and why."""

    code: str
    name: str
    attribute: str
    why: str
    count: int
    examples: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The name as policies write it."""
        return f"{self.name}.{self.attribute}" if self.attribute else self.name


_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Seen:
    why: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


def find_misfits(database: Database, schema: Schema, on_progress: OnProgress = lambda _done, _of: None) -> list[Misfit]:
    """Everything stored that does not fit the schema, gathered by what it is, in the order of codes and names."""
    seen: dict[_Key, _Seen] = {}
    with database.read() as connection:
        unbounded(connection)
        _look_at_entities(connection, schema, seen, on_progress)
        _look_at_parents(connection, schema, seen)
        _look_at_assignments(connection, schema, seen)
        _look_at_links(connection, schema, seen)
    return [Misfit(*key, each.why, each.count, tuple(each.examples)) for key, each in sorted(seen.items())]


def _note(seen: dict[_Key, _Seen], key: _Key, why: str, *examples: object, count: int = 1) -> None:
    noted = seen.get(key)
    if noted is None:
        noted = seen[key] = _Seen(why)
    noted.count += count
    for example in examples:
        if len(noted.examples) < EXAMPLES and str(example) not in noted.examples:
            noted.examples.append(str(example))


def _look_at_entities(connection: Connection, schema: Schema, seen: dict[_Key, _Seen], on_progress: OnProgress) -> None:
    lookers = {declared.name: _Looker(declared) for declared in schema.types.values() if declared.is_stored}
    total = connection.execute(select(func.count()).select_from(entity)).scalar_one()
    rows = connection.execute(_ENTITIES, execution_options={"yield_per": BATCH})
    done = 0
    for batch in rows.partitions():
        for type_, id_, document in batch:
            looker = lookers.get(type_)
            if looker is None:
                _note(seen, ("D101", type_, ""), "the type is not declared to have rows", Ref(type_, id_))
                continue
            for code, attribute, why in looker.faults(document):
                _note(seen, (code, type_, attribute), why, Ref(type_, id_))
        done += len(batch)
        on_progress(done, total)


class _Looker:
    """Looks at rows of one type. Readers of single values are quick; what one refuses is read again, to say why."""

    def __init__(self, declared: EntityType) -> None:
        stored = [each for each in declared.attributes.values() if each.origin is Origin.STORE]
        self._names = frozenset(each.name for each in stored)
        self._attributes = tuple((each, reader_of(each.type)) for each in stored)

    def faults(self, document: str) -> Iterator[tuple[str, str, str]]:
        """Code, attribute and cause of everything that does not fit."""
        found = load_document(document)
        if found is None:
            yield "D103", "", "expected an object of attributes"
            return
        for name in found.keys() - self._names:
            if found[name] is not None:
                yield "D102", name, "the attribute is not declared to be stored"
        for attribute, read in self._attributes:
            value = found.get(attribute.name)
            if value is None:
                if not attribute.is_optional:
                    yield "D104", attribute.name, "the attribute is required"
            elif isinstance(attribute.type, RecordType) or read(value) is BAD_VALUE:
                why = _why_not(attribute, value)
                if why:
                    yield "D103", attribute.name, why


def _why_not(attribute: Attribute, value: Json) -> str:
    """Why the value does not fit, in words that do not repeat it; empty where it does."""
    try:
        read_stored(attribute.type, value)
    except BadValue as error:
        return str(error)
    return ""


def _look_at_parents(connection: Connection, schema: Schema, seen: dict[_Key, _Seen]) -> None:
    ends, child = (entity_parent.c.type, entity_parent.c.parent_type), entity_parent.c.id
    query = select(*ends, func.count(), func.min(child), func.max(child)).group_by(*ends)
    for type_, parent, count, first, last in connection.execute(query):
        declared = schema.types.get(type_)
        if declared is not None and parent not in declared.parents:
            why = f"`{parent}` is no parent of `{type_}`"
            _note(seen, ("D105", type_, ""), why, Ref(type_, first), Ref(type_, last), count=count)


def _look_at_assignments(connection: Connection, schema: Schema, seen: dict[_Key, _Seen]) -> None:
    columns, admission = role_assignment.c, Admission(schema)
    kinds = columns.role, columns.subject_type, columns.place_type
    query = select(*kinds, func.count(), func.min(columns.subject_id), func.max(columns.subject_id)).group_by(*kinds)
    for role, subject, place, count, first, last in connection.execute(query):
        if role.startswith(PREFIX):
            continue
        try:
            admission.assignment(given(Ref(subject, first)), role, given(Ref(place, "any")) if place else None)
        except DataError as error:
            code = "D202" if role in schema.roles else "D201"
            _note(seen, (code, role, ""), in_one_line(error), *_refs(subject, first, last), count=count)


def _look_at_links(connection: Connection, schema: Schema, seen: dict[_Key, _Seen]) -> None:
    columns, admission = relation_link.c, Admission(schema)
    kinds = columns.relation, columns.resource_type, columns.subject_type
    ids = func.min(columns.resource_id), func.max(columns.resource_id)
    known = {name for name, _ in schema.relations}
    for relation, resource, subject, count, first, last in connection.execute(
        select(*kinds, func.count(), *ids).group_by(*kinds)
    ):
        try:
            admission.link(given(Ref(resource, first)), relation, given(Ref(subject, "any")))
        except DataError as error:
            code = "D302" if relation in known else "D301"
            _note(seen, (code, relation, ""), in_one_line(error), *_refs(resource, first, last), count=count)


def _refs(type_: str, *ids: str) -> Sequence[Ref]:
    return [Ref(type_, id_) for id_ in ids]


_ENTITIES: Final = select(entity.c.type, entity.c.id, text_of(entity.c.attributes)).order_by(entity.c.type, entity.c.id)
