"""The stored and mapped facts as one store (`ports.FactStore`), for those who may wait: nothing of a source is kept."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from policy_lang.facts import Assignment, Link, Row
from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.entities.elsewhere import Elsewhere
from service.entities.mapped.aged import Aged, MappedShelf
from service.entities.mapped.noting import Noting
from service.entities.mapped.split import Split
from service.entities.mapped.wanted import Brought, Wanted
from service.entities.shelf import End, Parents
from service.ports import FactStore, Snapshot

T = TypeVar("T")


class Reads(Protocol):
    """A source that is read in the caller's own thread."""

    def read(self, schema: Schema, wanted: Wanted, timeout_ms: int | None = None) -> Brought:
        """What is wanted; FactsUnavailable where it cannot be read."""
        ...


class MappedStore:
    """Opens both; each snapshot reads of every source what it is asked for, and once."""

    def __init__(self, stored: FactStore, elsewhere: Elsewhere, sources: Mapping[str, Reads]) -> None:
        self._stored = stored
        self._elsewhere = elsewhere
        self._sources = sources

    @contextmanager
    def snapshot(self, schema: Schema, *, timeout_ms: int | None = None) -> Iterator[Snapshot]:
        """A snapshot of the stored facts, and beside it the mapped ones as they are when they are asked for."""
        with self._stored.snapshot(schema, timeout_ms=timeout_ms) as stored:
            mapped = _Asking(schema, self._elsewhere, self._sources, timeout_ms)
            yield Split(stored, mapped, self._elsewhere)


class _Asking:
    """The mapped half: what a source has not told yet, it is asked for."""

    def __init__(
        self, schema: Schema, elsewhere: Elsewhere, sources: Mapping[str, Reads], timeout_ms: int | None
    ) -> None:
        self._schema = schema
        self._elsewhere = elsewhere
        self._sources = sources
        self._timeout_ms = timeout_ms
        self._shelves = {name: MappedShelf(Aged(0), time.monotonic()) for name in sources}

    def rows(self, refs: Collection[Ref]) -> Mapping[Ref, Row]:
        """The rows of those references that have one."""
        return self._asked(lambda noting: noting.rows(refs))

    def ancestry(self, refs: Collection[Ref]) -> Mapping[Ref, Parents]:
        """The parents of each reference that has a row."""
        return self._asked(lambda noting: noting.ancestry(refs))

    def assignments(self, subjects: Collection[Ref]) -> Sequence[Assignment]:
        """Every assignment to one of the subjects, expired ones too."""
        return self._asked(lambda noting: noting.assignments(subjects))

    def assignments_at(self, places: Collection[Ref | None]) -> Sequence[Assignment]:
        """Every assignment at one of the places."""
        return self._asked(lambda noting: noting.assignments_at(places))

    def links(self, ends: Collection[End], subjects: Collection[Ref] | None) -> Sequence[Link]:
        """The rows of those (resource, relation) pairs, to one of the subjects; None: to any."""
        return self._asked(lambda noting: noting.links(ends, subjects))

    def _asked(self, ask: Callable[[Noting], T]) -> T:
        noting = Noting(self._schema, self._elsewhere, self._shelves)
        answer = ask(noting)
        if not noting.wanted:
            return answer
        for name, wanted in noting.wanted.items():
            self._shelves[name].brought.add(self._sources[name].read(self._schema, wanted, self._timeout_ms))
        return ask(Noting(self._schema, self._elsewhere, self._shelves))
