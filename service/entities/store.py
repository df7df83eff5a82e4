"""Reads the stored facts for decisions: one snapshot a request, one statement a read whatever the batch."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import orjson

from policy_lang.facts import Assignment, Link, Row
from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.db.engine import Database, Reading
from service.db.facts_queries import AssignmentRow, FactQueries
from service.entities.decoding import Decoder, read_refs
from service.errors import FactsUnavailable

_GLOBALLY: Final = ("", "")
"""The place of a global assignment, in the tables."""


class EntityStore:
    """The stored facts of one database (`ports.FactStore`)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queries = FactQueries(database)
        self._decoder: Decoder | None = None

    @contextmanager
    def snapshot(self, schema: Schema, *, timeout_ms: int | None = None) -> Iterator["StoredSnapshot"]:
        """A snapshot whose rows are read by the schema; FactsUnavailable if the store cannot be read.

        `timeout_ms` bounds each statement on PostgreSQL; SQLite's are reads of single keys.
        """
        with self._database.reading(timeout_ms) as reading:
            yield StoredSnapshot(reading, self._queries, self._decoder_for(schema))

    def _decoder_for(self, schema: Schema) -> Decoder:
        decoder = self._decoder
        if decoder is None or decoder.schema is not schema:
            decoder = self._decoder = Decoder(schema)
        return decoder


class StoredSnapshot:
    """The facts at one revision (`ports.Snapshot`); usable while its transaction is open."""

    __slots__ = ("_decoder", "_queries", "_reading", "revision")

    def __init__(self, reading: Reading, queries: FactQueries, decoder: Decoder) -> None:
        self._reading = reading
        self._queries = queries
        self._decoder = decoder
        found = reading.fetch(queries.revision, {})
        if not found:
            raise FactsUnavailable("the facts have no revision: their tables are not complete")
        epoch, number = found[0]
        self.revision = f"{epoch}.{number}"
        """Every fact read here is at least this fresh: `epoch.n`."""

    def rows(self, refs: Collection[Ref]) -> dict[Ref, Row]:
        """The rows of those references that have one."""
        if not refs:
            return {}
        cells, knows = self._decoder.cells, self._decoder.knows
        return {
            Ref(type_, id_): Row(cells(type_, attributes), read_refs(parents))
            for type_, id_, attributes, parents in self._reading.fetch(self._queries.rows, {"refs": _batch(refs)})
            if knows(type_)
        }

    def ancestry(self, refs: Collection[Ref]) -> dict[Ref, tuple[Ref, ...]]:
        """The parents of each reference and of all their ancestors that have a row, up to 17 steps."""
        if not refs:
            return {}
        knows = self._decoder.knows
        return {
            Ref(type_, id_): read_refs(parents)
            for type_, id_, is_there, parents in self._reading.fetch(self._queries.ancestry, {"refs": _batch(refs)})
            if is_there and knows(type_)
        }

    def assignments(self, subjects: Collection[Ref]) -> list[Assignment]:
        """Every assignment to one of the subjects, expired ones too."""
        if not subjects:
            return []
        return _assignments(self._reading.fetch(self._queries.assignments, {"refs": _batch(subjects)}))

    def assignments_at(self, places: Collection[Ref | None]) -> list[Assignment]:
        """Every assignment at one of the places; None is globally."""
        if not places:
            return []
        keys = _batch(_GLOBALLY if place is None else place for place in places)
        return _assignments(self._reading.fetch(self._queries.assignments_at, {"refs": keys}))

    def links(self, ends: Collection[tuple[Ref, str]], subjects: Collection[Ref] | None) -> list[Link]:
        """The rows of those (resource, relation) pairs, to one of the subjects; None: to any."""
        if not ends or (subjects is not None and not subjects):
            return []
        keys = _batch((resource.type, resource.id, relation) for resource, relation in ends)
        found = (
            self._reading.fetch(self._queries.links, {"ends": keys})
            if subjects is None
            else self._reading.fetch(self._queries.links_to, {"ends": keys, "refs": _batch(subjects)})
        )
        return [
            Link(Ref(type_, id_), relation, Ref(subject_type, subject_id), expires_at)
            for type_, id_, relation, subject_type, subject_id, expires_at in found
        ]


def _batch(keys: Iterable[tuple[str, ...]]) -> str:
    """Keys as the statements take them, each once: a doubled key would double its rows."""
    return orjson.dumps(list(dict.fromkeys(map(tuple, keys)))).decode()


def _assignments(found: Sequence[AssignmentRow]) -> list[Assignment]:
    return [
        Assignment(
            Ref(subject_type, subject_id),
            role,
            Ref(place_type, place_id) if place_type else None,
            expires_at,
            emergency,
        )
        for subject_type, subject_id, role, place_type, place_id, expires_at, emergency in found
    ]
