"""Exports the facts as lines that import back equal, from one snapshot, in memory that does not grow with them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

import orjson
from sqlalchemy import ColumnElement, Connection, Select, Table, and_, or_, select

from policy_lang.facts import Assignment, Link
from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.db.dialect import each_of, text_of
from service.db.engine import Database
from service.db.facts_tables import entity, entity_parent, relation_link, revision, role_assignment
from service.entities.changes import keys_of
from service.entities.forms import Form, Forms
from service.errors import DataError
from service.permits import PREFIX

BATCH: Final = 1000
"""Rows read at a time."""


@dataclass(frozen=True, slots=True)
class Exported:
    """How many facts were written, and the revision at which they were so."""

    facts: int
    revision: str


class Exporter:
    """Reads the facts of one database in the given form, by one schema."""

    def __init__(self, database: Database, schema: Schema) -> None:
        self._database = database
        self._schema = schema

    def lines(self, leave_out: Callable[[str], None]) -> Iterator[Form]:
        """Every fact: entities, then assignments, then relations, each by key; `leave_out` is told what has no form."""
        with self._database.read() as connection:
            yield from self._lines(connection, leave_out)

    def write(self, target: BinaryIO, leave_out: Callable[[str], None], wrote: Callable[[int], None]) -> Exported:
        """Writes all of it as JSON lines; `wrote` is told how many were written since it was told last."""
        count = 0
        with self._database.read() as connection:
            epoch, number = connection.execute(select(revision.c.epoch, revision.c.n)).one()
            lines = self._lines(connection, leave_out)
            while batch := list(islice(lines, BATCH)):
                target.write(b"".join(orjson.dumps(form, option=orjson.OPT_APPEND_NEWLINE) for form in batch))
                count += len(batch)
                wrote(len(batch))
        return Exported(count, f"{epoch}.{number}")

    def _lines(self, connection: Connection, leave_out: Callable[[str], None]) -> Iterator[Form]:
        forms = Forms(self._schema, leave_out)
        yield from _present(_entities(connection, forms))
        yield from _present(forms.assignment(found) for found in _assignments(connection, _FACTS))
        yield from _present(forms.link(found) for found in _links(connection, _all(relation_link)))

    def about(self, ref: Ref, leave_out: Callable[[str], None]) -> list[Form]:
        """The facts about one entity: itself, the roles it holds or that are held at it, its relations both ways."""
        forms = Forms(self._schema, leave_out)
        with self._database.read() as connection:
            row = connection.execute(_ENTITY.where(_is_at(entity, "", ref))).one_or_none()
            if row is None:
                raise DataError(f"there is no `{ref}`")
            held = _FACTS.where(_touches(role_assignment, ("subject", "place"), ref))
            tied = _all(relation_link).where(_touches(relation_link, ("resource", "subject"), ref))
            return list(
                _present(
                    (
                        forms.entity(ref, row[2], parents_of(connection, [ref])[ref]),
                        *(forms.assignment(found) for found in _assignments(connection, held)),
                        *(forms.link(found) for found in _links(connection, tied)),
                    )
                )
            )


def _entities(connection: Connection, forms: Forms) -> Iterator[Form | None]:
    rows = connection.execute(_ENTITY.order_by(entity.c.type, entity.c.id), execution_options={"yield_per": BATCH})
    for batch in rows.partitions():
        parents = parents_of(connection, [Ref(type_, id_) for type_, id_, _ in batch])
        for type_, id_, document in batch:
            ref = Ref(type_, id_)
            yield forms.entity(ref, document, parents[ref])


def parents_of(connection: Connection, refs: Sequence[Ref]) -> Mapping[Ref, list[Ref]]:
    """The parents of each of those entities."""
    found = defaultdict[Ref, list[Ref]](list)
    for type_, id_, parent_type, parent_id in connection.execute(_EDGES, {"refs": keys_of(refs)}):
        found[Ref(type_, id_)].append(Ref(parent_type, parent_id))
    return found


def _assignments(connection: Connection, statement: Select[*tuple[object, ...]]) -> Iterator[Assignment]:
    for row in connection.execute(statement, execution_options={"yield_per": BATCH}):
        place = Ref(row.place_type, row.place_id) if row.place_type else None
        yield Assignment(Ref(row.subject_type, row.subject_id), row.role, place, row.expires_at)


def _links(connection: Connection, statement: Select[*tuple[object, ...]]) -> Iterator[Link]:
    for row in connection.execute(statement, execution_options={"yield_per": BATCH}):
        resource, subject = Ref(row.resource_type, row.resource_id), Ref(row.subject_type, row.subject_id)
        yield Link(resource, row.relation, subject, row.expires_at)


def _all(table: Table) -> Select[*tuple[object, ...]]:
    return select(table).order_by(*table.primary_key.columns)


def _touches(table: Table, ends: Sequence[str], ref: Ref) -> ColumnElement[bool]:
    return or_(*(_is_at(table, f"{end}_", ref) for end in ends))


def _is_at(table: Table, prefix: str, ref: Ref) -> ColumnElement[bool]:
    return and_(table.c[f"{prefix}type"] == ref.type, table.c[f"{prefix}id"] == ref.id)


def _present(forms: Iterable[Form | None]) -> Iterator[Form]:
    return (form for form in forms if form is not None)


_ENTITY: Final = select(entity.c.type, entity.c.id, text_of(entity.c.attributes))
_FACTS: Final = _all(role_assignment).where(~role_assignment.c.role.startswith(PREFIX, autoescape=True))
"""Roles of the policies; those of the built-in module are no facts of theirs."""
_BATCH: Final = each_of("refs", ("type", "id"))
_EDGES: Final = (
    select(entity_parent)
    .select_from(_BATCH.rows.join(entity_parent, _BATCH.matches(entity_parent, ("type", "type"), ("id", "id"))))
    .order_by(*entity_parent.primary_key.columns)
)
