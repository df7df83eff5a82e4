"""Facts of a mapped source for as long as they may be told: nothing says when they change, so they only grow old.

What is kept counts from the moment when the read that brought it began. Any thread may look; the loop's alone keeps.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

from policy_lang.facts import Assignment, Link, Row
from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.entities.mapped.wanted import Brought, Tie
from service.entities.shelf import UNREAD, Unread

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Values by their keys, at most so many: those read longest ago go first."""

    __slots__ = ("_entries", "_kept")

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._kept: dict[K, tuple[float, V]] = {}

    def get(self, key: K, not_before: float) -> V | Unread:
        """The value, if it was read then or later."""
        found = self._kept.get(key)
        return UNREAD if found is None or found[0] < not_before else found[1]

    def put(self, key: K, value: V, read_at: float) -> None:
        """Keeps what was read, unless something newer is kept."""
        if not self._entries or (key in self._kept and self._kept[key][0] > read_at):
            return
        self._kept.pop(key, None)
        self._kept[key] = read_at, value
        if len(self._kept) > self._entries:
            del self._kept[next(iter(self._kept))]

    def clear(self) -> None:
        """Forgets everything."""
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)


class Aged:
    """What a worker keeps of one source; rows are cells of one schema, and another's are read anew."""

    def __init__(self, entries: int) -> None:
        self.rows: Kept[Ref, Row | None] = Kept(entries)
        self.held: Kept[Ref, tuple[Assignment, ...]] = Kept(entries)
        self.held_at: Kept[Ref | None, tuple[Assignment, ...]] = Kept(entries)
        self.links: Kept[Tie, tuple[Link, ...]] = Kept(entries)
        self._schema: Schema | None = None

    def use(self, schema: Schema) -> None:
        """Makes the rows those of that schema."""
        if schema is not self._schema:
            self._schema = schema
            for kept in (self.rows, self.held, self.held_at, self.links):
                kept.clear()

    def keep(self, schema: Schema, brought: Brought, read_at: float) -> None:
        """Keeps what was read by that schema from that moment on."""
        if schema is not self._schema:
            return
        for ref, row in brought.rows.items():
            self.rows.put(ref, row, read_at)
        for subject, held in brought.held.items():
            self.held.put(subject, held, read_at)
        for place, held in brought.held_at.items():
            self.held_at.put(place, held, read_at)
        for tie, links in brought.links.items():
            self.links.put(tie, links, read_at)


class MappedShelf:
    """What is at hand of one source for one batch: what was read for it, and what is kept and young enough.

    What it has told once it tells again until the batch is decided, however old that becomes meanwhile.
    """

    __slots__ = ("_aged", "_not_before", "brought")

    def __init__(self, aged: Aged, not_before: float) -> None:
        self._aged = aged
        self._not_before = not_before
        self.brought = Brought()

    def row(self, ref: Ref) -> Row | Unread | None:
        """The row of an entity."""
        return _told(ref, self.brought.rows, self._aged.rows, self._not_before)

    def held(self, subject: Ref) -> tuple[Assignment, ...] | Unread:
        """What the source says that a subject holds."""
        return _told(subject, self.brought.held, self._aged.held, self._not_before)

    def held_at(self, place: Ref | None) -> tuple[Assignment, ...] | Unread:
        """What the source says that is held at a place."""
        return _told(place, self.brought.held_at, self._aged.held_at, self._not_before)

    def links(self, tie: Tie) -> tuple[Link, ...] | Unread:
        """The rows of a relation."""
        return _told(tie, self.brought.links, self._aged.links, self._not_before)


def _told(key: K, told: dict[K, V], kept: Kept[K, V], not_before: float) -> V | Unread:
    if key in told:
        return told[key]
    found = kept.get(key, not_before)
    if not isinstance(found, Unread):
        told[key] = found
    return found
