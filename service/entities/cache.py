"""Keeps facts that were read, and drops each when the feed says that it changed; touched by the loop's thread alone.

Law (runtime.md, Cache): what is here is as fresh as the feed's position. A load that was under way when a key changed
keeps nothing of that key, unless it read at or after the change: else a stale row would stay for ever.
"""

from collections.abc import Mapping

from policy_lang.facts import Assignment, Link, Row
from policy_lang.schema import EntityType, Schema
from policy_lang.values import Ref
from service.db.feed import ASSIGNMENT, ENTITY, RELATION, assignment_change, entity_change, relation_change
from service.entities.shelf import UNREAD, End, Found, Parents, Unread
from service.feed.feed import Feed
from service.feed.revision import Revision
from service.lru import Lru

Types = Mapping[str, EntityType]
"""The types of a schema: the same ones where they are the same object (`service/policies/shared_schema.py`)."""


class _Entity:
    """What is known of one entity."""

    __slots__ = ("parents", "row")

    def __init__(self) -> None:
        self.row: Row | Unread | None = UNREAD
        self.parents: Parents | Unread | None = UNREAD


class Load:
    """A read under way: what it cannot keep, because it changed meanwhile."""

    __slots__ = ("_changed", "_is_void", "types")

    def __init__(self, types: Types) -> None:
        self.types = types
        self._changed: dict[tuple[str, str], int] = {}
        self._is_void = False

    def note(self, kind: str, key: str | None, n: int) -> None:
        """Takes note of a change, of every key where it names none."""
        if key is None:
            self._is_void = True
        else:
            self._changed[kind, key] = n

    def may_keep(self, kind: str, key: str, read_at: Revision) -> bool:
        """Whether what was read of a key at that revision is still as the feed has it."""
        return not self._is_void and self._changed.get((kind, key), 0) <= read_at.n


class FactCache:
    """Facts of one worker by their keys, those among them that are not there; at most `entries` of each kind.

    Rows are cells of one schema's types: those of others are read anew.
    """

    def __init__(self, feed: Feed, entries: int) -> None:
        self._entities: Lru[Ref, _Entity] = Lru(entries)
        self._assignments: Lru[Ref, tuple[Assignment, ...]] = Lru(entries)
        self._links: Lru[End, dict[Ref, Link | None]] = Lru(entries)
        self._types: Types | None = None
        self._loads: set[Load] = set()
        for kind, drop in (
            (ENTITY, self._drop_entity), (ASSIGNMENT, self._drop_assignments), (RELATION, self._drop_links)
        ):  # fmt: skip
            feed.subscribe(kind, drop)

    def use(self, schema: Schema) -> None:
        """Makes the rows those of that schema."""
        if schema.types is not self._types:
            self._types = schema.types
            self._entities.clear()

    def row(self, ref: Ref) -> Row | Unread | None:
        """The row of an entity."""
        found = self._entities.get(ref)
        return UNREAD if found is None else found.row

    def parents(self, ref: Ref) -> Parents | Unread | None:
        """The parents of an entity."""
        found = self._entities.get(ref)
        return UNREAD if found is None else found.parents

    def held(self, subject: Ref) -> tuple[Assignment, ...] | Unread:
        """Every assignment to a subject."""
        found = self._assignments.get(subject)
        return UNREAD if found is None else found

    def link(self, end: End, subject: Ref) -> Link | Unread | None:
        """The row that ties a resource to a subject."""
        found = self._links.get(end)
        return UNREAD if found is None else found.get(subject, UNREAD)

    def begin(self, schema: Schema) -> Load:
        """Notes from here on what changes while something is read; `keep` or `give_up` ends it."""
        load = Load(schema.types)
        self._loads.add(load)
        return load

    def give_up(self, load: Load) -> None:
        """Ends a load that read nothing."""
        self._loads.discard(load)

    def keep(self, load: Load, found: Found, read_at: Revision) -> None:
        """Ends a load with what it read at that revision."""
        self._loads.discard(load)
        if load.types is self._types:
            self._keep_entities(load, found, read_at)
        for subject, held in found.assignments.items():
            if load.may_keep(*assignment_change(subject), read_at):
                self._assignments.put(subject, held, 1 + len(held))
        for end, links in found.links.items():
            if load.may_keep(*relation_change(*end), read_at):
                kept = self._links.get(end) or {}
                kept.update(links)
                self._links.put(end, kept, len(kept))

    def __len__(self) -> int:
        return len(self._entities) + len(self._assignments) + len(self._links)

    def _keep_entities(self, load: Load, found: Found, read_at: Revision) -> None:
        for ref in dict.fromkeys((*found.rows, *found.all_parents)):
            if not load.may_keep(*entity_change(ref), read_at):
                continue
            entity = self._entities.get(ref)
            if entity is None:
                entity = _Entity()
                self._entities.put(ref, entity)
            # An older read may end after a newer one: between the two nothing changed, or it would not be kept.
            entity.row = found.rows.get(ref, entity.row)
            entity.parents = found.all_parents.get(ref, entity.parents)

    def _drop_entity(self, key: str | None, n: int) -> None:
        self._note(ENTITY, key, n)
        if key is None:
            self._entities.clear()
        else:
            self._entities.drop(_ref(key))

    def _drop_assignments(self, key: str | None, n: int) -> None:
        self._note(ASSIGNMENT, key, n)
        if key is None:
            self._assignments.clear()
        else:
            self._assignments.drop(_ref(key))

    def _drop_links(self, key: str | None, n: int) -> None:
        self._note(RELATION, key, n)
        if key is None:
            self._links.clear()
        else:
            relation, _, resource = key.partition(" ")
            self._links.drop((_ref(resource), relation))

    def _note(self, kind: str, key: str | None, n: int) -> None:
        for load in self._loads:
            load.note(kind, key, n)


def _ref(key: str) -> Ref:
    type_, _, id_ = key.partition(":")
    return Ref(type_, id_)
