"""The stored and mapped facts as one store (`ports.FactStore`), for those who may wait: nothing of a source is kept.

Law: while a source is waited for, no connection to the store is held: a slow source keeps nobody from the store.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Protocol, TypeVar

from policy_lang.facts import Assignment, Link, Row
from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.entities.deadlines import left_ms
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
        """The stored facts, and beside them the mapped ones as they are when they are asked for.

        The stored ones are of one snapshot until a source is asked, then of a later one.
        """
        ends = None if timeout_ms is None else time.monotonic() + timeout_ms / 1000
        with _Lent(self._stored, schema, ends) as stored:
            mapped = _Asking(schema, self._elsewhere, self._sources, ends=ends, before=stored.give_back)
            yield Split(stored, mapped, self._elsewhere)


class _Lent:
    """A snapshot of the stored facts that may be given back: what is read after that is read of another, fresher one.

    It says the revision of the first, which is true of them all (runtime.md, Consistency).
    """

    def __init__(self, store: FactStore, schema: Schema, ends: float | None) -> None:
        self._store = store
        self._schema = schema
        self._ends = ends
        self._opened = ExitStack()
        self._snapshot: Snapshot | None = None
        self.revision = ""

    def __enter__(self) -> "_Lent":
        self.revision = self._at_hand().revision
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._opened.__exit__(kind, error, trace)

    def give_back(self) -> None:
        """Lets the connection go."""
        self._snapshot = None
        self._opened.close()

    def rows(self, refs: Collection[Ref]) -> Mapping[Ref, Row]:
        """The rows of those references that have one."""
        return self._at_hand().rows(refs)

    def ancestry(self, refs: Collection[Ref]) -> Mapping[Ref, Parents]:
        """The parents of each reference and of its ancestors."""
        return self._at_hand().ancestry(refs)

    def assignments(self, subjects: Collection[Ref]) -> Sequence[Assignment]:
        """Every assignment to one of the subjects, expired ones too."""
        return self._at_hand().assignments(subjects)

    def assignments_at(self, places: Collection[Ref | None]) -> Sequence[Assignment]:
        """Every assignment at one of the places."""
        return self._at_hand().assignments_at(places)

    def links(self, ends: Collection[End], subjects: Collection[Ref] | None) -> Sequence[Link]:
        """The rows of those (resource, relation) pairs, to one of the subjects; None: to any."""
        return self._at_hand().links(ends, subjects)

    def _at_hand(self) -> Snapshot:
        if self._snapshot is None:
            self._snapshot = self._opened.enter_context(
                self._store.snapshot(self._schema, timeout_ms=left_ms(self._ends))
            )
        return self._snapshot


class _Asking:
    """The mapped half: what a source has not told yet, it is asked for; `before` that something is to be done."""

    def __init__(
        self, schema: Schema, elsewhere: Elsewhere, sources: Mapping[str, Reads], *, ends: float | None,
        before: Callable[[], None],
    ) -> None:  # fmt: skip
        self._schema = schema
        self._elsewhere = elsewhere
        self._sources = sources
        self._ends = ends
        self._before = before
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
        self._before()
        for name, wanted in noting.wanted.items():
            self._shelves[name].brought.add(self._sources[name].read(self._schema, wanted, left_ms(self._ends)))
        return ask(Noting(self._schema, self._elsewhere, self._shelves))
